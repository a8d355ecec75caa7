"""What people read."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.domain.plan_terms import Unit
from billing.domain.wording import counted, grouped, part_of, span, sum_of
from kernel.period import Period
from kernel.pricing import Graduated, Tier, price
from tests.unit.billing.terms import GRADUATED_WITH_FEES, PACKAGE

DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("quantity", "text"),
    [("1", "1 gate"), ("1.0", "1 gate"), ("0", "0 gates"), ("20", "20 gates"), ("1234567.50", "1,234,567.5 gates")],
)
def test_a_quantity_with_its_unit(quantity: str, text: str) -> None:
    assert counted(Decimal(quantity), Unit("gate", "gates")) == text


@pytest.mark.parametrize(
    ("value", "text"), [("-1234.5", "-1,234.5"), ("-0.5", "-0.5"), ("0.00", "0"), ("1E+3", "1,000")]
)
def test_a_number(value: str, text: str) -> None:
    assert grouped(Decimal(value)) == text


def test_a_span_is_told_in_the_subscriptions_zone() -> None:
    january = Period(datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2013, 2, 1, 5, tzinfo=UTC))
    assert span(january, "America/New_York") == "from 1 Jan 2013 to 1 Feb 2013"
    assert span(january, "UTC") == "from 1 Jan 2013 05:00 to 1 Feb 2013 05:00"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (16 * DAY, 31 * DAY, "16 of 31 days"),
        (DAY // 24, 743 * DAY // 24, "1 of 743 hours"),
        (90_000_000, DAY, "90 of 86,400 seconds"),
        (60_000_000, DAY, "1 of 1,440 minutes"),
        # Real time stands on no second.
        (15 * DAY + DAY // 2 + 12_345_678, 31 * DAY, "about 15.5001 of 31 days"),
        (10 * DAY + 1, 743 * DAY // 24, "about 10 of 30.9583 days"),
        (1, DAY, "about 0 of 1 days"),
    ],
)
def test_a_part_is_told_in_the_longest_unit_that_tells_it_exactly(part: int, whole: int, text: str) -> None:
    assert part_of(part, whole) == text


def test_how_an_amount_is_made() -> None:
    assert sum_of(price(GRADUATED_WITH_FEES, Decimal(11))) == "5 × 20 + 10 + 5 × 15 + 8 + 10 + 5 = 208"
    assert sum_of(price(PACKAGE, Decimal(25))) == "5"
    assert sum_of(price(PACKAGE, Decimal(0))) == "0"
    many = Graduated((*(Tier(Decimal(i), Decimal(2)) for i in range(1, 20)), Tier(None, Decimal(1))))
    assert sum_of(price(many, Decimal(20))) == "39"
