"""From plan version × subscription to entitlements: limits, and the periods of every reset."""

from datetime import datetime
from decimal import Decimal

import pytest

from entitlements.domain.entitlement import Allowance, Included, Source, Values, resolve
from entitlements.domain.plan import (
    BooleanGrant,
    CommittedGrant,
    EnumGrant,
    Grant,
    MeteredGrant,
    Reset,
    ResetInterval,
)
from kernel.period import BillingPeriod
from kernel.recurrence import Interval, Recurrence
from tests.unit.entitlements.build import START, plan, subscription, utc

NEW_YORK = "America/New_York"
TEN = Decimal(10)


def allowance(grant: Grant, **how: object) -> Allowance:
    """What a subscription makes of a metered grant."""
    (entitlement,) = resolve(subscription(**how), plan({"gates": grant}))  # type: ignore[arg-type]  # as `subscription` takes them.
    assert isinstance(entitlement.grant, Allowance)
    return entitlement.grant


def test_each_kind_of_grant() -> None:
    version = plan(
        {
            "nights": BooleanGrant(),
            "airports": EnumGrant(("JFK", "EWR")),
            "calls": MeteredGrant(TEN, soft=True, reset=None),
            "miles": MeteredGrant(None, soft=False, reset=None),
            "gates": CommittedGrant(Decimal(1), None),
        },
        version=3,
    )
    granted = resolve(subscription(commitments={"gates": "20"}), version)
    assert {item.feature_id: item.grant for item in granted} == {
        "nights": Included(),
        "airports": Values(("JFK", "EWR")),
        "calls": Allowance(TEN, soft=True, recurrence=None),
        "miles": Allowance(None, soft=False, recurrence=None),
        "gates": Allowance(Decimal(20), soft=False, recurrence=None),
    }
    assert {item.source for item in granted} == {Source("sub-1", "carrier", 3)}


def test_a_commitment_that_is_not_named_is_the_least() -> None:
    assert allowance(CommittedGrant(Decimal(5), None)).limit == Decimal(5)


@pytest.mark.parametrize(
    ("period", "interval"),
    [
        (BillingPeriod.MONTHLY, Interval.MONTH),
        (BillingPeriod.QUARTERLY, Interval.QUARTER),
        (BillingPeriod.YEARLY, Interval.YEAR),
    ],
)
def test_a_billing_period_reset_follows_the_subscription(period: BillingPeriod, interval: Interval) -> None:
    grant = MeteredGrant(TEN, soft=False, reset=Reset(ResetInterval.BILLING_PERIOD))
    assert allowance(grant, period=period, zone=NEW_YORK).recurrence == Recurrence(interval, START, NEW_YORK)


@pytest.mark.parametrize("interval", [each for each in ResetInterval if each is not ResetInterval.BILLING_PERIOD])
def test_a_reset_at_the_subscriptions_start(interval: ResetInterval) -> None:
    grant = CommittedGrant(Decimal(1), Reset(interval))
    expected = Recurrence(Interval(interval.value), START, NEW_YORK)
    assert allowance(grant, zone=NEW_YORK).recurrence == expected


@pytest.mark.parametrize(
    ("reset", "anchor"),
    [
        # 31 January 2026, a Saturday, 04:30 in New York.
        (Reset(ResetInterval.HOUR, at_calendar=True), utc(2026, 1, 31, 9)),
        (Reset(ResetInterval.DAY, at_calendar=True), utc(2026, 1, 31, 5)),
        (Reset(ResetInterval.WEEK, at_calendar=True), utc(2026, 1, 26, 5)),
        (Reset(ResetInterval.WEEK, at_calendar=True, week_start=6), utc(2026, 1, 25, 5)),
        (Reset(ResetInterval.WEEK, at_calendar=True, week_start=5), utc(2026, 1, 31, 5)),
        (Reset(ResetInterval.MONTH, at_calendar=True), utc(2026, 1, 1, 5)),
        (Reset(ResetInterval.YEAR, at_calendar=True), utc(2026, 1, 1, 5)),
    ],
)
def test_a_reset_at_the_calendar_begins_with_the_unit_that_holds_the_start(reset: Reset, anchor: datetime) -> None:
    recurrence = allowance(MeteredGrant(TEN, soft=False, reset=reset), zone=NEW_YORK).recurrence
    assert recurrence == Recurrence(Interval(reset.interval.value), anchor, NEW_YORK)


def test_a_monthly_reset_from_the_31st_comes_back_to_the_31st() -> None:
    recurrence = allowance(MeteredGrant(TEN, soft=False, reset=Reset(ResetInterval.MONTH))).recurrence
    assert recurrence is not None
    starts = [recurrence.period(n).start for n in range(3)]
    assert starts == [START, utc(2026, 2, 28, 9, 30), utc(2026, 3, 31, 9, 30)]
