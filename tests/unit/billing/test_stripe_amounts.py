"""Money in Stripe's minor units: exact, or refused with a reason; never rounded."""

from decimal import Decimal

import pytest

from billing.clients.stripe_amounts import NotChargeableError, minor_units
from kernel.money import CURRENCIES, Money


@pytest.mark.parametrize(
    ("amount", "code", "units"),
    [
        ("298.00", "USD", 29_800),
        ("0.01", "EUR", 1),
        ("1E+2", "USD", 10_000),
        ("999999999999999999.99", "USD", 99_999_999_999_999_999_999),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1", "XPF", 1),
        # ISO 4217 gives the ariary two digits, Stripe none.
        ("5", "MGA", 5),
        # Special cases: two digits that must be 00.
        ("5", "UGX", 500),
        ("5", "ISK", 500),
        # Special for payouts only.
        ("10.45", "HUF", 1_045),
        ("800.45", "TWD", 80_045),
        # Three digits, the last of them 0.
        ("5.120", "KWD", 5_120),
        ("0.01", "BHD", 10),
    ],
)
def test_amounts(amount: str, code: str, units: int) -> None:
    assert minor_units(Money(Decimal(amount), CURRENCIES[code])) == units


@pytest.mark.parametrize(
    ("amount", "code", "reason"),
    [
        ("0", "USD", "not above zero"),
        ("-1", "USD", "not above zero"),
        ("1.005", "USD", "in steps of 0.01"),
        ("0.5", "JPY", "in steps of 1"),
        ("5.5", "MGA", "in steps of 1"),
        ("5.5", "UGX", "in steps of 1"),
        ("5.01", "ISK", "in steps of 1"),
        ("5.124", "KWD", "in steps of 0.010"),
        ("5", "IQD", "does not charge IQD"),
        ("5", "LYD", "does not charge LYD"),
        ("5", "CLF", "does not charge CLF"),
        ("5", "UYI", "does not charge UYI"),
    ],
)
def test_what_stripe_cannot_charge(amount: str, code: str, reason: str) -> None:
    with pytest.raises(NotChargeableError, match=reason):
        minor_units(Money(Decimal(amount), CURRENCIES[code]))


def test_every_currency_has_an_answer() -> None:
    for currency in CURRENCIES.values():
        try:
            units = minor_units(Money(Decimal(100), currency))
        except NotChargeableError:
            assert currency.code in {"CLF", "IQD", "LYD", "UYI", "UYW"}
        else:
            assert units in {100, 10_000, 100_000}
