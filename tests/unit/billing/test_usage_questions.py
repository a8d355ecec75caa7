"""What is asked of metering: what a change must know, and nothing else."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.domain.cancel import CancelTiming
from billing.domain.plan_terms import Offer
from billing.domain.update import Timing
from billing.domain.usage import LATE_PERIODS, MeteredSeries, tracked_series
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from kernel.recurrence import Interval, Recurrence
from tests.unit.billing.story import Story
from tests.unit.billing.terms import add_on, add_ons, fee, plan, used

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
EACH = FlatRate(Decimal(1))
OFFERS = [Offer(period, "USD") for period in BillingPeriod]
CALLS = add_on("calling", used(EACH, "calls"))
TERMS = plan(fee("1", offers=OFFERS), used(EACH, offers=OFFERS), add_ons=[CALLS])


def at(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def begun(**more: Any) -> Story:
    story = Story(TERMS)
    story.provision(FIRST, time_zone="UTC", **more)
    return story


def asked(story: Story) -> list[tuple[int, str, datetime, datetime, bool]]:
    """The questions: period, feature, from when to when, and whether it is a period that metering counts already."""
    return [
        (one.key[0], one.key[1], one.period.start, one.period.end, one.recurrence is not None) for one in story.asked
    ]


def test_a_renewal_asks_for_its_period_and_those_before_it() -> None:
    story = begun(add_ons=add_ons({"calling": 1}))
    story.renew()
    assert asked(story) == [(0, "departures", FIRST, at(2), True), (0, "calls", FIRST, at(2), True)]
    story.renew()
    assert asked(story) == [
        (1, "departures", at(2), at(3), True),
        (1, "calls", at(2), at(3), True),
        (0, "departures", FIRST, at(2), True),
        (0, "calls", FIRST, at(2), True),
    ]
    for _ in range(LATE_PERIODS):
        story.renew()
    assert len(story.asked) == 2 * (1 + LATE_PERIODS)


def test_a_change_asks_only_for_charges_that_end() -> None:
    story = begun(add_ons=add_ons({"calling": 1}))
    story.publish(plan(fee("5"), used(EACH), plan_id="pro"))
    story.update(at(1, 9), plan_id="pro")
    assert asked(story) == [(0, "calls", FIRST, at(1, 9), False)]
    story.update(at(1, 10), {})
    assert story.asked == ()


def test_a_span_that_was_cut_short_is_measured_again_later() -> None:
    story = begun()
    story.publish(plan(fee("5"), plan_id="pro"))
    story.update(at(1, 9), plan_id="pro")
    story.renew()
    assert asked(story) == [(0, "departures", FIRST, at(1, 9), False)]
    story.renew()
    assert asked(story) == [(0, "departures", FIRST, at(1, 9), False)]


def test_after_a_new_anchor_old_periods_are_measured() -> None:
    story = begun()
    story.renew()
    story.update(at(2, 9), billing_period=BillingPeriod.QUARTERLY, timing=Timing.NOW)
    assert asked(story) == [(1, "departures", at(2), at(2, 9), False), (0, "departures", FIRST, at(2), True)]
    story.renew()
    assert asked(story) == [
        (2, "departures", at(2, 9), at(5, 9), True),
        (0, "departures", FIRST, at(2), False),
        (1, "departures", at(2), at(2, 9), False),
    ]


def test_an_end_asks_for_usage_until_then() -> None:
    story = begun()
    story.cancel(at(1, 20), CancelTiming.NOW)
    assert asked(story) == [(0, "departures", FIRST, at(1, 20), False)]


def test_what_is_counted_for_a_subscription() -> None:
    story = begun(add_ons=add_ons({"calling": 2}), customer_id="UA")
    tracked = tracked_series(story.subscription, story.terms)
    recurrence = Recurrence(Interval.MONTH, FIRST, "UTC")
    assert [(one.series, one.recurrence) for one in tracked] == [
        (MeteredSeries("UA", "", "departures"), recurrence),
        (MeteredSeries("UA", "", "calls"), recurrence),
    ]
