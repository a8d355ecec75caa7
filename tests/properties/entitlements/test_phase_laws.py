"""Laws of what is known of the future: at each instant a subscription grants what one would that simply held it then."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from entitlements.domain.entitlement import Entitlement, Granted, Source, resolve
from entitlements.domain.held import HeldSubscription
from entitlements.domain.plan import (
    AddOnGrant,
    BooleanGrant,
    CommittedGrant,
    MeteredGrant,
    NumericGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from entitlements.domain.subscription import Scheduled, Subscription, Terms
from kernel.period import BillingPeriod
from tests.unit.entitlements.build import START, plan, subscription

BILLED = Reset(ResetInterval.BILLING_PERIOD)
ADD_ONS = {"more": (AddOnGrant("calls", MeteredGrant(Decimal(5), soft=False, reset=None), overrides=False),)}
PLANS: dict[tuple[str, int], PlanVersion] = {
    ("carrier", 1): plan(
        {
            "calls": MeteredGrant(Decimal(10), soft=False, reset=BILLED),
            "miles": MeteredGrant(Decimal(10), soft=False, reset=Reset(ResetInterval.MONTH)),
            "gates": CommittedGrant(Decimal(1), None),
            "nights": BooleanGrant(),
        },
        add_ons=ADD_ONS,
    ),
    ("carrier", 2): plan(
        {
            "calls": MeteredGrant(Decimal(20), soft=False, reset=Reset(ResetInterval.DAY, at_calendar=True)),
            "gates": CommittedGrant(Decimal(1), BILLED),
            "history": NumericGrant(Decimal(30)),
        },
        version=2,
        add_ons=ADD_ONS,
    ),
}

days = st.integers(0, 60).map(lambda day: START + timedelta(days=day))
terms = st.builds(
    Terms,
    st.just("carrier"),
    st.sampled_from([1, 2]),
    st.sampled_from([BillingPeriod.MONTHLY, BillingPeriod.YEARLY]),
    days,
    st.dictionaries(st.just("gates"), st.integers(1, 9).map(Decimal)),
    st.dictionaries(st.just("more"), st.integers(1, 3)),
)
subscriptions = st.builds(
    lambda held, scheduled, seen, access_end: replace(
        subscription(access_end=access_end), terms=held, scheduled=scheduled, seen_time=seen
    ),
    terms,
    st.none() | st.builds(Scheduled, days, terms),
    days,
    st.none() | days,
)


def granted_at(held: Subscription, now: datetime) -> dict[str, list[tuple[Source, Granted]]]:
    """What is granted at an instant, by feature."""
    found: dict[str, list[tuple[Source, Granted]]] = {}
    for entitlement in resolve(held, PLANS):
        phase = HeldSubscription(held).within(entitlement.phase)
        if phase is not None and phase.holds(now):
            found.setdefault(entitlement.feature_id, []).append((entitlement.source, entitlement.grant))
    return found


def simply(held: Subscription, now: datetime) -> Subscription:
    """One that holds for ever what this one holds at the instant."""
    is_later = held.scheduled is not None and held.scheduled.time <= now
    current = held.scheduled.terms if is_later and held.scheduled is not None else held.terms
    anchored = replace(current, anchor_time=current.anchor_time if current.anchor_time <= now else held.start_time)
    return replace(held, terms=anchored, scheduled=None, seen_time=now)


@given(subscriptions, days)
def test_at_each_instant_it_grants_what_it_holds_then(held: Subscription, now: datetime) -> None:
    # The customer's time is never before what billing has seen.
    now = max(now, held.seen_time)
    assert granted_at(held, now) == granted_at(simply(held, now), now)


@given(subscriptions)
def test_phases_of_a_feature_follow_one_another_without_a_gap_in_what_goes_on(held: Subscription) -> None:
    by_feature: dict[str, list[Entitlement]] = {}
    for entitlement in resolve(held, PLANS):
        by_feature.setdefault(entitlement.feature_id, []).append(entitlement)
    for several in by_feature.values():
        for before, after in pairwise(several):
            assert before.phase.until is not None
            assert after.phase.since is not None
            assert before.phase.until <= after.phase.since
            if before.phase.until == after.phase.since:
                assert (before.source, before.grant) != (after.source, after.grant)


@given(subscriptions, st.none() | days)
def test_what_ends_and_what_was_seen_move_no_usage_period(held: Subscription, access_end: datetime | None) -> None:
    later = replace(held, access_end=access_end, revision=held.revision + 1)
    assert later.counting == held.counting
    assert [each.grant for each in resolve(later, PLANS)] == [each.grant for each in resolve(held, PLANS)]
    seen = replace(held, seen_time=held.seen_time + timedelta(days=30))
    assert seen.counting == held.counting
    assert {(each.feature_id, each.grant) for each in resolve(seen, PLANS)} <= {
        (each.feature_id, each.grant) for each in resolve(held, PLANS)
    }
