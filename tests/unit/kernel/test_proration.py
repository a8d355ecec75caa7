"""Commitments that change inside a period, told as stories."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from kernel.money import USD, Money, currency
from kernel.period import Period
from kernel.pricing import FlatRate, Graduated, Package, PriceList, Tier, Volume
from kernel.proration import Proration, Segment, prorate

APRIL = Period(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
SEAT = FlatRate(Decimal(20))
TIERS = (
    Tier(Decimal(5), Decimal(20), Decimal(10)),
    Tier(Decimal(10), Decimal(15), Decimal(8)),
    Tier(None, Decimal(10), Decimal(5)),
)


def usd(amount: str) -> Money:
    return Money(Decimal(amount), USD)


def on(day: int, quantity: int) -> Segment:
    return Segment(datetime(2026, 4, day, tzinfo=UTC), Decimal(quantity), SEAT)


def settle(*segments: Segment, price_list: PriceList = SEAT, charged: str = "0") -> Proration:
    priced = [replace(segment, price_list=price_list) for segment in segments]
    return prorate(APRIL, priced, charged=usd(charged))


def test_a_full_period_costs_the_full_price() -> None:
    assert settle(on(1, 5)).line == usd("100")


def test_a_raise_is_charged_for_the_rest_of_the_period() -> None:
    raised = settle(on(1, 5), on(16, 8), charged="100")
    assert raised.due == Fraction(130)
    assert raised.line == usd("30")
    assert [share.fraction for share in raised.shares] == [Fraction(1, 2), Fraction(1, 2)]
    assert [share.amount for share in raised.shares] == [Fraction(50), Fraction(80)]


def test_a_decrease_now_is_a_credit() -> None:
    assert settle(on(1, 5), on(16, 3), charged="100").line == usd("-20")


def test_volume_prices_may_fall_when_the_quantity_rises() -> None:
    raised = settle(on(1, 10), on(16, 11), price_list=Volume(TIERS), charged="158")
    assert raised.total == usd("136.50")
    assert raised.line == usd("-21.50")


def test_graduated_fees_are_due_for_the_time_their_tier_is_reached() -> None:
    raised = settle(on(1, 5), on(16, 6), price_list=Graduated(TIERS), charged="110")
    assert raised.line == usd("11.50")
    assert raised.shares[1].priced.amount == 133


def test_a_raise_within_a_paid_package_costs_nothing() -> None:
    assert settle(on(1, 20), on(16, 25), price_list=Package(Decimal(25), Decimal(5)), charged="5").line == usd("0")


def test_a_raise_at_the_start_is_a_new_quantity_from_the_start() -> None:
    assert settle(on(1, 5), on(1, 8), charged="100").line == usd("60")


def test_a_commitment_that_begins_mid_period_is_prorated() -> None:
    assert settle(on(16, 5)).line == usd("50")


def test_a_commitment_from_before_the_period_counts_from_its_start() -> None:
    before = Segment(datetime(2026, 3, 20, tzinfo=UTC), Decimal(5), SEAT)
    assert settle(before).line == usd("100")
    assert settle(before, on(16, 8)).line == usd("130")


def test_a_commitment_from_the_end_on_costs_nothing_yet() -> None:
    later = Segment(APRIL.end, Decimal(50), SEAT)
    assert settle(on(1, 5), later, charged="100").line == usd("0")
    assert settle(Segment(APRIL.end + timedelta(days=1), Decimal(50), SEAT)).line == usd("0")


def test_rounding_never_accumulates() -> None:
    thirds = FlatRate(Decimal("0.10"))
    charged = usd("0")
    for day in range(1, 31):
        segments = [on(d, d) for d in range(1, day + 1)]
        settled = prorate(APRIL, [replace(one, price_list=thirds) for one in segments], charged=charged)
        charged = charged + settled.line
        assert charged == settled.total
    assert charged == usd("1.55")  # the mean of 1 to 30 units at $0.10


def test_rounds_to_the_currency_of_what_was_charged() -> None:
    yen = Money.zero(currency("JPY"))
    assert prorate(APRIL, [replace(on(16, 1), price_list=FlatRate(Decimal(33)))], charged=yen).line.amount == 17


def test_no_commitment_and_an_empty_period_cost_nothing() -> None:
    assert settle().line == usd("0")
    empty = Period(APRIL.start, APRIL.start)
    assert prorate(empty, [on(1, 5)], charged=usd("0")).line == usd("0")


def test_segments_come_in_order() -> None:
    with pytest.raises(ValueError, match="order of time"):
        settle(on(16, 5), on(1, 8))
