"""Currencies, sums, rounding, splitting and showing money."""

from decimal import Context, Decimal, localcontext

import pytest

from kernel.errors import TollkeeperError
from kernel.money import CURRENCIES, USD, Money, currency, format_money, split


def money(amount: str, code: str = "USD") -> Money:
    return Money(Decimal(amount), currency(code))


@pytest.mark.parametrize(
    ("code", "digits"),
    [("USD", 2), ("EUR", 2), ("GBP", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("TND", 3), ("CLF", 4), ("UYW", 4)],
)
def test_minor_units_are_those_of_iso_4217(code: str, digits: int) -> None:
    assert currency(code).minor_digits == digits


def test_the_table_holds_each_active_code_once() -> None:
    assert len(CURRENCIES) == 165
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)


@pytest.mark.parametrize("code", ["", "usd", "US", "USDT", "XAU", "XXX", "XTS", "DEM", "HRK", "BGN", "ZWL", "US\x00"])
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(TollkeeperError) as refusal:
        currency(code, "prices[0].currency")
    assert refusal.value.violations[0].path == "prices[0].currency"


def test_adds_subtracts_and_negates_exactly() -> None:
    assert money("0.1") + money("0.2") == money("0.30")
    assert money("1") - money("2.5") == money("-1.5")
    assert -money("3") == money("-3")
    assert Money.total([money("1"), money("2")], USD) == money("3")
    assert Money.total([], USD) == Money.zero(USD)


def test_sums_do_not_depend_on_the_ambient_context() -> None:
    with localcontext(Context(prec=3)):
        assert money("123456.789") + money("0.001") == money("123456.790")
        assert -money("123456.789") == money("-123456.789")
        assert money("123456.785").rounded() == money("123456.79")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="EUR cannot be added to USD"):
        money("1") + money("1", "EUR")
    with pytest.raises(ValueError, match="EUR cannot be added to USD"):
        money("1") - money("1", "EUR")
    with pytest.raises(ValueError, match="EUR cannot be added to USD"):
        Money.total([money("1"), money("1", "EUR")], USD)


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_an_amount_is_finite(amount: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        money(amount)


@pytest.mark.parametrize(
    ("amount", "code", "rounded"),
    [
        ("1.005", "USD", "1.01"),
        ("-1.005", "USD", "-1.01"),
        ("1.004999999999", "USD", "1.00"),
        ("0.5", "JPY", "1"),
        ("1.0005", "KWD", "1.001"),
        ("1.00005", "CLF", "1.0001"),
    ],
)
def test_rounds_half_away_from_zero_to_the_minor_unit(amount: str, code: str, rounded: str) -> None:
    assert money(amount, code).rounded() == money(rounded, code)


@pytest.mark.parametrize(
    ("amount", "code", "shown"),
    [
        ("298", "USD", "$298.00"),
        ("1234.5", "USD", "$1,234.50"),
        ("1234567.89", "EUR", "€1,234,567.89"),
        ("0.1", "GBP", "£0.10"),
        ("500", "JPY", "¥500"),
        ("1.25", "KWD", "KWD 1.250"),
        ("-3", "USD", "-$3.00"),
        ("-1234.5", "CHF", "-CHF 1,234.50"),
        ("0", "USD", "$0.00"),
        ("-0.00", "USD", "$0.00"),
        ("0.0001", "USD", "$0.0001"),
        ("1E+3", "USD", "$1,000.00"),
    ],
)
def test_shows_money_to_people(amount: str, code: str, shown: str) -> None:
    assert format_money(money(amount, code)) == shown


@pytest.mark.parametrize(
    ("amount", "weights", "places", "parts"),
    [
        ("10.00", "1 1 1", 2, "3.34 3.33 3.33"),
        ("-10.00", "1 1 1", 2, "-3.34 -3.33 -3.33"),
        ("0.05", "1 2 3", 2, "0.01 0.02 0.02"),
        ("0.01", "1 1", 2, "0.01 0"),
        ("100", "0.7 0.2 0.1", 2, "70 20 10"),
        ("10", "0 1 0", 2, "0 10 0"),
        ("0", "1 2", 2, "0 0"),
        ("7", "1 1", 0, "4 3"),
        ("1E+2", "1E+3 1", 2, "99.90 0.10"),
        ("3", "5", 0, "3"),
    ],
)
def test_splits_by_the_largest_remainder(amount: str, weights: str, places: int, parts: str) -> None:
    found = split(Decimal(amount), [Decimal(weight) for weight in weights.split()], places=places)
    assert found == tuple(Decimal(part) for part in parts.split())


def test_money_splits_to_its_minor_unit() -> None:
    assert money("10", "JPY").split([Decimal(1)] * 3) == (money("4", "JPY"), money("3", "JPY"), money("3", "JPY"))


@pytest.mark.parametrize(
    ("amount", "weights", "sentence"),
    [("1", "", "weights"), ("1", "0 0", "weights"), ("1", "1 -1", "weights"), ("0.001", "1", "digits after the point")],
)
def test_refuses_what_cannot_be_split(amount: str, weights: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        split(Decimal(amount), [Decimal(weight) for weight in weights.split()], places=2)
