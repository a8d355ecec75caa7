"""What a credit note took back is not given back again."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.domain.giving_back import within_charges
from billing.domain.invoice import InvoiceLine, LineType, Source
from kernel.money import USD, Money
from kernel.period import BillingPeriod, Period

MAY = Period(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))


def line(amount: str, *, taken_back: str = "0", charge_id: str = "fee") -> InvoiceLine:
    """A line of a fixed fee in May."""
    return InvoiceLine(
        type=LineType.FLAT_FEE,
        source=Source("pro", "pro", 1, BillingPeriod.MONTHLY),
        charge_id=charge_id,
        feature_id="",
        description="",
        quantity=Decimal(1),
        period_number=0,
        period=MAY,
        subtotal=Money(Decimal(amount), USD),
        derivation=(),
        taken_back=Decimal(taken_back),
    )


@pytest.mark.parametrize(
    ("charged", "taken_back", "unused", "given"),
    [
        ("100", "0", "-60", "-60"),
        ("100", "30", "-60", "-60"),
        ("100", "40", "-60", "-60"),
        ("100", "40.01", "-60", "-59.99"),
        ("100", "70", "-60", "-30"),
        ("100", "100", "-60", "0"),
    ],
)
def test_no_more_is_given_back_than_is_left_of_the_charge(
    charged: str, taken_back: str, unused: str, given: str
) -> None:
    [back] = within_charges([line(unused)], [line(charged, taken_back=taken_back)])
    assert back.amount.amount == Decimal(given)
    explained = sum((step.amount for step in back.derivation), Decimal(0))
    assert explained == Decimal(given) - Decimal(unused)


def test_another_items_note_and_what_is_charged_are_left_alone() -> None:
    account = [line("100", taken_back="100"), line("50", charge_id="other")]
    lines = (line("-50", charge_id="other"), line("20"))
    assert within_charges(lines, account) == lines
