"""From plan version × subscription to entitlements: limits, and the periods of every reset."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from entitlements.domain.entitlement import Allowance, Entitlement, Included, Number, Source, Values, resolve
from entitlements.domain.plan import (
    AddOnGrant,
    BooleanGrant,
    CommittedGrant,
    EnumGrant,
    Grant,
    MeteredGrant,
    NumericGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from entitlements.domain.subscription import Phase, Scheduled, Subscription
from kernel.period import BillingPeriod
from kernel.recurrence import Interval, Recurrence
from tests.unit.entitlements.build import START, plan, subscription, terms, utc

NEW_YORK = "America/New_York"
TEN = Decimal(10)


def allowance(grant: Grant, **how: object) -> Allowance:
    """What a subscription makes of a metered grant."""
    version = plan({"gates": grant})
    (entitlement,) = resolve(subscription(**how), {("carrier", 1): version})  # type: ignore[arg-type]  # as `subscription` takes them.
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
            "history": NumericGrant(Decimal(90)),
        },
        version=3,
    )
    granted = resolve(subscription(commitments={"gates": "20"}, version=3), {("carrier", 3): version})
    assert {item.feature_id: item.grant for item in granted} == {
        "nights": Included(),
        "airports": Values(("JFK", "EWR")),
        "calls": Allowance(TEN, soft=True, recurrence=None),
        "miles": Allowance(None, soft=False, recurrence=None),
        "gates": Allowance(Decimal(20), soft=False, recurrence=None),
        "history": Number(Decimal(90)),
    }
    assert {item.phase for item in granted} == {Phase(None, None)}
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


# What is known of the future: trials, scheduled changes.

BILLED = Reset(ResetInterval.BILLING_PERIOD)
MONTHLY = Reset(ResetInterval.MONTH)
DAY = timedelta(days=1)
CARRIER = plan(
    {
        "calls": MeteredGrant(TEN, soft=False, reset=BILLED),
        "miles": MeteredGrant(TEN, soft=False, reset=MONTHLY),
        "gates": CommittedGrant(Decimal(1), None),
        "nights": BooleanGrant(),
    }
)


def granted(held: Subscription, *plans: PlanVersion) -> dict[str, list[Entitlement]]:
    """What a subscription grants, by feature, in the order of time."""
    found: dict[str, list[Entitlement]] = {}
    for item in resolve(held, {(each.plan_id, each.version): each for each in plans}):
        found.setdefault(item.feature_id, []).append(item)
    return found


def recurrence(item: Entitlement) -> Recurrence | None:
    """The periods of a metered entitlement."""
    assert isinstance(item.grant, Allowance)
    return item.grant.recurrence


def test_on_trial_billing_periods_follow_the_start_and_from_its_end_on_the_anchor() -> None:
    end = START + 14 * DAY
    found = granted(subscription(anchor=end, zone=NEW_YORK), CARRIER)
    first, second = found["calls"]
    assert (first.phase, second.phase) == (Phase(None, end), Phase(end, None))
    assert recurrence(first) == Recurrence(Interval.MONTH, START, NEW_YORK)
    assert recurrence(second) == Recurrence(Interval.MONTH, end, NEW_YORK)
    # Everything else goes on: the same periods, one entitlement.
    for name in ("miles", "gates", "nights"):
        assert [item.phase for item in found[name]] == [Phase(None, None)]
    assert recurrence(found["miles"][0]) == Recurrence(Interval.MONTH, START, NEW_YORK)


def test_an_anchor_that_billing_has_seen_passed_needs_no_phase_before_it() -> None:
    end = START + 14 * DAY
    (only,) = granted(subscription(anchor=end, seen=end), CARRIER)["calls"]
    assert (only.phase, recurrence(only)) == (Phase(None, None), Recurrence(Interval.MONTH, end))
    assert len(granted(subscription(anchor=end, seen=end - DAY), CARRIER)["calls"]) == 2


def test_a_scheduled_change_decides_from_its_time_on() -> None:
    larger = plan(
        {
            "calls": MeteredGrant(Decimal(50), soft=False, reset=BILLED),
            "gates": CommittedGrant(Decimal(1), None),
            "airports": EnumGrant(("JFK",)),
        },
        version=2,
    )
    at = START + 31 * DAY
    later = Scheduled(at, terms(version=2, commitments={"gates": "3"}))
    found = granted(subscription(commitments={"gates": "5"}, scheduled=later), CARRIER, larger)
    before, after = Phase(None, at), Phase(at, None)
    assert {name: [item.phase for item in items] for name, items in found.items()} == {
        "calls": [before, after],
        "miles": [before],
        "gates": [before, after],
        "nights": [before],
        "airports": [after],
    }
    limits = [item.grant.limit for item in found["gates"] if isinstance(item.grant, Allowance)]
    assert limits == [Decimal(5), Decimal(3)]
    assert [item.source.plan_version for item in found["calls"]] == [1, 2]
    # The same anchor and reset: the same periods, so usage goes on.
    assert recurrence(found["calls"][0]) == recurrence(found["calls"][1])


def test_a_scheduled_commitment_changes_nothing_else() -> None:
    at = START + 31 * DAY
    later = Scheduled(at, terms(commitments={"gates": "3"}))
    found = granted(subscription(commitments={"gates": "5"}, scheduled=later), CARRIER)
    assert {name: len(items) for name, items in found.items()} == {"calls": 1, "miles": 1, "gates": 2, "nights": 1}


def test_a_scheduled_billing_period_begins_at_its_own_anchor() -> None:
    at = START + 31 * DAY
    later = Scheduled(at, terms(period=BillingPeriod.YEARLY, anchor=at))
    first, second = granted(subscription(scheduled=later), CARRIER)["calls"]
    assert recurrence(first) == Recurrence(Interval.MONTH, START)
    assert (second.phase, recurrence(second)) == (Phase(at, None), Recurrence(Interval.YEAR, at))


def test_a_change_that_is_scheduled_on_trial_takes_effect_after_the_anchor() -> None:
    end, at = START + 14 * DAY, START + 45 * DAY
    later = Scheduled(at, terms(version=2, anchor=end))
    larger = plan({"calls": MeteredGrant(Decimal(50), soft=False, reset=BILLED)}, version=2)
    items = granted(subscription(anchor=end, scheduled=later), CARRIER, larger)["calls"]
    assert [item.phase for item in items] == [Phase(None, end), Phase(end, at), Phase(at, None)]
    assert [recurrence(item) for item in items[1:]] == [Recurrence(Interval.MONTH, end)] * 2
    # One before the anchor leaves the anchor to the new terms.
    early = Scheduled(end - DAY, terms(version=2, anchor=end))
    items = granted(subscription(anchor=end, scheduled=early), CARRIER, larger)["calls"]
    assert [item.phase for item in items] == [Phase(None, end - DAY), Phase(end - DAY, end), Phase(end, None)]


# What add-ons and newer versions change.


def test_add_ons_add_to_plan_and_commitment_and_override_both() -> None:
    version = plan(
        {"gates": CommittedGrant(Decimal(1), None), "calls": MeteredGrant(TEN, soft=False, reset=MONTHLY)},
        add_ons={
            "more": (
                AddOnGrant("gates", MeteredGrant(Decimal(2), soft=False, reset=None), overrides=False),
                AddOnGrant("history", NumericGrant(Decimal(30)), overrides=False),
            ),
            "fixed": (AddOnGrant("calls", MeteredGrant(Decimal(7), soft=False, reset=None), overrides=True),),
            "unheld": (AddOnGrant("nights", BooleanGrant(), overrides=False),),
        },
    )
    found = granted(subscription(commitments={"gates": "5"}, add_ons={"more": 3, "fixed": 2}), version)
    assert {name: item.grant for name, (item,) in found.items()} == {
        "gates": Allowance(Decimal(11), soft=False, recurrence=None),
        "history": Number(Decimal(90)),
        "calls": Allowance(Decimal(7), soft=False, recurrence=None),
    }


def test_an_add_on_that_the_plan_does_not_pin_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="pins no add-on more"):
        granted(subscription(add_ons={"more": 1}), CARRIER)


def test_a_newer_versions_entitlements_are_carried_and_what_is_sold_stays() -> None:
    added = {"more": (AddOnGrant("calls", MeteredGrant(Decimal(1), soft=False, reset=None), overrides=False),)}
    older = plan(
        {
            "calls": MeteredGrant(TEN, soft=False, reset=BILLED),
            "nights": BooleanGrant(),
            "gates": CommittedGrant(Decimal(1), None),
        },
        add_ons=added,
    )
    newer = plan(
        {
            "calls": MeteredGrant(Decimal(20), soft=True, reset=MONTHLY),
            "gates": MeteredGrant(None, soft=False, reset=None),
            "miles": CommittedGrant(Decimal(1), None),
            "history": NumericGrant(Decimal(30)),
        },
        version=4,
    )
    found = granted(subscription(commitments={"gates": "5"}, add_ons={"more": 2}), older.carrying(newer))
    assert {name: (item.grant, item.source.plan_version) for name, (item,) in found.items()} == {
        "calls": (Allowance(Decimal(22), soft=True, recurrence=Recurrence(Interval.MONTH, START)), 4),
        "gates": (Allowance(Decimal(5), soft=False, recurrence=None), 1),
        "history": (Number(Decimal(30)), 4),
    }
