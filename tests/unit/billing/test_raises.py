"""Raised commitments as values: each line, to the cent and by exact time."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billing.domain.invoice import InvoiceLine
from billing.domain.plan_terms import Offer, PlanTerms
from kernel.money import currency
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Package, PriceList, price
from kernel.quantity import round_half_away
from tests.unit.billing.story import Story
from tests.unit.billing.terms import (
    GRADUATED_WITH_FEES,
    PACKAGE,
    STAIR_STEP,
    VOLUME_WITH_FEES,
    committed,
    fee,
    plan,
    told,
    used,
)

NEW_YORK = ZoneInfo("America/New_York")
AIRLINE = plan(fee("9.99"), committed(GRADUATED_WITH_FEES), used(Package(Decimal(1000), Decimal(5))))


def local(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2013, month, day, hour, minute, tzinfo=NEW_YORK)


def begun(terms: PlanTerms, now: datetime, gates: str, **more: Any) -> Story:
    story = Story(terms)
    story.provision(now, {"gates": gates}, **more)
    return story


def test_a_raise_in_the_middle_of_january() -> None:
    change = begun(AIRLINE, local(1, 1), "20").update(local(1, 16), {"gates": "24"})
    [line] = change.lines
    assert told(change.lines) == [("COMMITMENT_PRORATION", "24", "20.65")]
    assert line.description == "Gates: 24 gates instead of 20, from 16 Jan 2013 to 1 Feb 2013"
    assert (line.previous_quantity, line.period.start, line.period.end) == (Decimal(20), local(1, 16), local(2, 1))
    day = 86_400_000_000
    assert line.part is not None
    assert (line.part.charged_microseconds, line.part.period_microseconds) == (16 * day, 31 * day)
    assert [(step.description, str(step.amount)) for step in line.derivation] == [
        ("20 gates for 15 of 31 days: 5 × 20 + 10 + 5 × 15 + 8 + 10 × 10 + 5 = 298 a period", "144.193548387097"),
        ("24 gates for 16 of 31 days: 5 × 20 + 10 + 5 × 15 + 8 + 14 × 10 + 5 = 338 a period", "174.451612903226"),
        ("rounded to 0.01", "0.004838709677"),
        ("already charged", "-298.00"),
    ]
    assert sum(step.amount for step in line.derivation) == line.amount.amount


def test_two_raises_add_up_to_the_whole() -> None:
    story = begun(AIRLINE, local(1, 1), "20")
    story.update(local(1, 16), {"gates": "24"})
    second = story.update(local(1, 20), {"gates": "30"})
    # 298 × 15/31 + 338 × 4/31 + 398 × 12/31 = 341.870…; 318.65 were charged.
    assert told(second.lines) == [("COMMITMENT_PRORATION", "30", "23.22")]


def test_an_equal_quantity_changes_nothing() -> None:
    story = begun(AIRLINE, local(1, 1), "20")
    before = story.subscription
    change = story.update(local(1, 16), {"gates": "20.000"})
    assert change.subscription is before
    assert change.lines == ()


def test_a_raise_at_the_very_start_costs_the_whole_difference() -> None:
    change = begun(AIRLINE, local(1, 1), "20").update(local(1, 1), {"gates": "24"})
    assert told(change.lines) == [("COMMITMENT_PRORATION", "24", "40.00")]
    assert [step.description.split(":")[0] for step in change.lines[0].derivation] == [
        "24 gates for 31 of 31 days",
        "already charged",
    ]


def test_a_clock_that_lags_behind_counts_as_the_last_change() -> None:
    story = begun(AIRLINE, local(1, 1), "20")
    story.update(local(1, 16), {"gates": "24"})
    assert story.update(local(1, 15), {"gates": "30"}).lines[0].period.start == local(1, 16)


def test_volume_prices_that_fall_are_a_credit() -> None:
    change = begun(plan(committed(VOLUME_WITH_FEES)), local(4, 1), "10").update(local(4, 16), {"gates": "11"})
    assert told(change.lines) == [("COMMITMENT_PRORATION", "11", "-21.50")]
    assert sum(step.amount for step in change.lines[0].derivation) == Decimal("-21.50")


@pytest.mark.parametrize(
    ("month", "day", "hours_left", "hours", "amount"),
    [
        # March of 2013 has 743 hours in New York, November 721.
        (3, 10, 22 * 24 - 1, 743, "28.37"),
        (3, 11, 21 * 24, 743, "27.13"),
        (11, 3, 28 * 24 + 1, 721, "37.34"),
        (11, 4, 27 * 24, 721, "35.95"),
    ],
)
def test_a_clock_change_is_prorated_by_exact_time(
    month: int, day: int, hours_left: int, hours: int, amount: str
) -> None:
    story = begun(plan(committed(FlatRate(Decimal(20)))), local(month, 1), "1")
    [line] = story.update(local(month, day), {"gates": "3"}).lines
    assert line.part is not None
    assert line.part.charged_microseconds == hours_left * 3_600_000_000
    assert line.part.period_microseconds == hours * 3_600_000_000
    assert str(line.amount.amount) == amount


def test_a_raise_before_the_scheduled_end_is_taken() -> None:
    story = begun(AIRLINE, local(1, 1), "20")
    story.cancel(local(1, 2))
    change = story.update(local(1, 16), {"gates": "24"})
    assert told(change.lines) == [("COMMITMENT_PRORATION", "24", "20.65")]
    assert change.subscription.cancel_time == local(2, 1)


@pytest.mark.parametrize(
    ("currency", "unit_price", "first", "addition"), [("JPY", "333", "333", "161"), ("KWD", "0.3335", "0.334", "0.161")]
)
def test_amounts_are_rounded_to_the_currencys_minor_unit(
    currency: str, unit_price: str, *, first: str, addition: str
) -> None:
    terms = plan(committed(FlatRate(Decimal(unit_price)), offers=[Offer(BillingPeriod.MONTHLY, currency)]))
    story = begun(terms, datetime(2026, 4, 1, tzinfo=UTC), "1", time_zone="UTC", currency=currency)
    assert str(story.lines[0].amount.amount) == first
    change = story.update(datetime(2026, 4, 16, 12, tzinfo=UTC), {"gates": "2"})
    assert str(change.lines[0].amount.amount) == addition


def test_blocks_are_prorated_whole() -> None:
    story = begun(plan(committed(PACKAGE)), datetime(2026, 4, 1, tzinfo=UTC), "1", time_zone="UTC")
    change = story.update(datetime(2026, 4, 16, tzinfo=UTC), {"gates": "26"})
    assert told(change.lines) == [("COMMITMENT_PRORATION", "50", "2.50")]
    assert change.subscription.holding.committed("gates") == 50


MODELS: dict[str, PriceList] = {
    "flat": FlatRate(Decimal("0.3335")),
    "graduated": GRADUATED_WITH_FEES,
    "package": PACKAGE,
    "stair": STAIR_STEP,
    "volume": VOLUME_WITH_FEES,
}


@pytest.mark.parametrize(
    "offer",
    [Offer(BillingPeriod.MONTHLY, "USD"), Offer(BillingPeriod.QUARTERLY, "JPY"), Offer(BillingPeriod.YEARLY, "KWD")],
    ids=str,
)
def test_every_model_is_raised_at_once_again_and_again_across_a_clock_change(offer: Offer) -> None:
    terms = plan(*(committed(model, feature_id=name, offers=[offer]) for name, model in MODELS.items()))
    story = Story(terms)
    quantities = dict.fromkeys(MODELS, "4.5")
    story.provision(local(2, 20), quantities, billing_period=offer.billing_period, currency=offer.currency)
    period = story.subscription.period
    # The clocks of New York go from 2:00 to 3:00 on 10 March.
    moments = [local(3, 9, 12), local(3, 10, 1, 59), local(3, 10, 3), local(3, 10, 3), local(3, 18)]
    for number, at in enumerate(moments):
        change = story.update(at, dict.fromkeys(MODELS, str(30 + 26 * number)))
        assert [line.feature_id for line in change.lines] == list(MODELS)
    for name, model in MODELS.items():
        lines = [line for line in story.lines if line.feature_id == name]
        ends = [*(line.period.start for line in lines[1:]), period.end]
        parts = (
            Fraction(price(model, line.quantity).amount) * period.fraction(line.period.start, end)
            for line, end in zip(lines, ends, strict=True)
        )
        due = round_half_away(sum(parts, Fraction(0)), currency(offer.currency).minor_digits)
        assert sum(line.amount.amount for line in lines) == due
        assert all(adds_up(line) for line in lines[1:])


def adds_up(line: InvoiceLine) -> bool:
    return sum(step.amount for step in line.derivation) == line.amount.amount
