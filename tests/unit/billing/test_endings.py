"""How a subscription ends, and how an end is taken back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.boundary import cross
from billing.domain.cancel import CancelTiming
from billing.domain.invoice import InvoiceReason
from billing.domain.plan_terms import TrialEnd, TrialTerms
from billing.domain.provision import TrialAsked
from billing.domain.subscription import Pending, SubscriptionState
from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from tests.unit.billing.story import Story
from tests.unit.billing.terms import add_on, add_ons, committed, fee, plan, told, used

FIRST = datetime(2026, 4, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
TERMS = plan(fee("30"), committed(FlatRate(Decimal(10))), used(FlatRate(Decimal(1))), add_ons=[add_on("lounge")])


def april(day: int) -> datetime:
    return FIRST.replace(day=day)


def begun(**more: Any) -> Story:
    story = Story(TERMS)
    story.provision(FIRST, {"gates": "6"}, time_zone="UTC", add_ons=add_ons({"lounge": 1}), **more)
    return story


def refusal(change: Any, *args: Any, **more: Any) -> str:
    with pytest.raises(TollkeeperError) as refused:
        change(*args, **more)
    return refused.value.reason


def test_ending_now_bills_the_usage_so_far() -> None:
    story = begun()
    story.use(april(5), "4")
    story.use(april(20), "9")
    final = story.cancel(april(16), CancelTiming.NOW)
    assert told(final.lines) == [("USAGE", "4", "4.00")]
    assert (final.lines[0].period.start, final.lines[0].period.end) == (FIRST, april(16))
    ended = final.subscription
    assert (final.reason, ended.state, ended.end_time) == (InvoiceReason.FINAL, SubscriptionState.CANCELED, april(16))
    assert (ended.boundary, ended.live, ended.access_begun) == (None, False, False)


def test_ending_now_credits_unused_time_where_asked() -> None:
    story = begun()
    story.use(april(5), "4")
    story.update(april(6), {"gates": "12"})
    final = story.cancel(april(16), CancelTiming.NOW, prorate=True)
    # Half of April is left; the gates: 60 × 5/30 + 120 × 10/30 are due of the 160 charged.
    assert told(final.lines) == [
        ("FLAT_FEE_PRORATION", "0", "-15.00"),
        ("COMMITMENT_PRORATION", "0", "-60.00"),
        ("ADD_ON_PRORATION", "0", "-1.50"),
        ("USAGE", "4", "4.00"),
    ]
    assert final.lines[0].description.startswith("Airline: fixed fee no more, from 16 Apr 2026")


def test_ending_at_the_first_instant_gives_everything_back() -> None:
    story = begun()
    story.cancel(FIRST, CancelTiming.NOW, prorate=True)
    assert story.balance == 0


@pytest.mark.parametrize(
    ("when", "renewals", "credit"),
    [
        (april(16), 0, "-15.00"),
        (MAY, 0, None),
        (datetime(2026, 5, 17, tzinfo=UTC), 1, "-14.52"),
        (datetime(2026, 6, 1, tzinfo=UTC), 1, None),
    ],
)
def test_ending_at_a_date(when: datetime, renewals: int, credit: str | None) -> None:
    story = begun()
    story.cancel(april(2), CancelTiming.AT_TIME, at=when, prorate=True)
    assert story.subscription.cancel_time == when
    *renewed, final = story.advance(when)
    assert [change.reason for change in renewed] == [InvoiceReason.RENEWAL] * renewals
    assert (final.reason, final.at) == (InvoiceReason.FINAL, when)
    assert final.subscription.end_time == when
    fees = [str(line.amount.amount) for line in final.lines if line.type.startswith("FLAT_FEE")]
    assert fees == ([] if credit is None else [credit])


def test_canceling_again_moves_the_end() -> None:
    story = begun()
    story.cancel(april(2))
    assert story.subscription.cancel_time == MAY
    story.cancel(april(3), CancelTiming.AT_TIME, at=april(20), prorate=True)
    assert (story.subscription.cancel_time, story.subscription.cancel_prorate) == (april(20), True)
    story.cancel(april(4))
    assert (story.subscription.cancel_time, story.subscription.cancel_prorate) == (MAY, False)
    story.cancel(april(5), CancelTiming.NOW)
    assert story.subscription.end_time == april(5)


@pytest.mark.parametrize(
    "when", [april(2), april(1), april(2) + timedelta(days=3_654)], ids=["now", "before", "too late"]
)
def test_dates_that_cannot_be(when: datetime) -> None:
    assert refusal(begun().cancel, april(2), CancelTiming.AT_TIME, at=when) == "INVALID_FIELD"


def test_an_end_before_the_last_change_is_refused() -> None:
    story = begun()
    story.update(april(10), {"gates": "7"})
    # By a replica whose clock lags behind that of the one that made the change.
    assert refusal(story.cancel, april(9), CancelTiming.AT_TIME, at=april(10)) == "INVALID_FIELD"
    assert story.cancel(april(9), CancelTiming.NOW, prorate=True).subscription.end_time == april(10)


def test_resuming_takes_the_end_back() -> None:
    story = begun()
    story.cancel(april(2), prorate=True)
    resumed = story.resume(april(3))
    assert (resumed.subscription.cancel_time, resumed.subscription.cancel_prorate, resumed.lines) == (None, False, ())
    assert story.resume(april(4)).subscription is resumed.subscription
    assert story.renew().reason is InvoiceReason.RENEWAL


def test_what_has_not_begun_ends_at_once_and_free() -> None:
    story = begun(start_time=MAY)
    gone = story.cancel(april(2))
    assert (gone.lines, gone.subscription.state, gone.subscription.end_time) == (
        (),
        SubscriptionState.CANCELED,
        april(2),
    )


@pytest.mark.parametrize(("timing", "end"), [(CancelTiming.PERIOD_END, april(15)), (CancelTiming.NOW, april(3))])
def test_a_trial_that_is_canceled_costs_nothing(timing: CancelTiming, end: datetime) -> None:
    story = begun(trial=TrialAsked(april(15), TrialEnd.CONVERT))
    story.use(april(2), "7")
    story.cancel(april(3), timing, prorate=True)
    story.advance(MAY)
    held = story.subscription
    assert (held.state, held.end_time, story.lines) == (SubscriptionState.CANCELED, end, [])


def test_a_trial_that_expires_costs_nothing() -> None:
    story = Story(replace(TERMS, trial=TrialTerms(14, TrialEnd.EXPIRE)))
    story.provision(FIRST, time_zone="UTC")
    [expired] = story.advance(MAY)
    assert (expired.subscription.state, expired.subscription.end_time) == (SubscriptionState.EXPIRED, april(15))
    assert (expired.lines, expired.reason) == ((), InvoiceReason.FINAL)


def test_an_end_after_the_trial_comes_after_its_conversion() -> None:
    story = begun(trial=TrialAsked(april(15), TrialEnd.CONVERT))
    story.cancel(april(3), CancelTiming.AT_TIME, at=april(30), prorate=True)
    converted, final = story.advance(MAY)
    assert converted.reason is InvoiceReason.TRIAL_END
    assert [str(line.amount.amount) for line in final.lines] == ["-15.00", "-30.00", "-1.50", "0.00"]


def test_what_is_scheduled_goes_with_the_end() -> None:
    story = begun()
    story.update(april(2), {"gates": "2"})
    story.cancel(april(3))
    assert story.subscription.scheduled is not None
    assert story.renew().subscription.scheduled is None


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"quantities": {"gates": "2"}}, True),
        ({"extras": {"lounge": 0}}, True),
        ({"billing_period": BillingPeriod.YEARLY, "timing": Timing.NOW}, True),
        ({"quantities": {"gates": "9"}}, False),
        ({"quantities": {"gates": "2"}, "timing": Timing.NOW}, False),
    ],
)
def test_what_would_not_outlive_the_end(asked: dict[str, Any], *, refused: bool) -> None:
    offers = [replace(offer, billing_period=period) for offer in TERMS.charges[0].prices for period in BillingPeriod]
    story = Story(
        plan(committed(FlatRate(Decimal(10)), offers=offers), add_ons=[add_on("lounge", fee("3", offers=offers))])
    )
    story.provision(FIRST, {"gates": "6"}, time_zone="UTC", add_ons=add_ons({"lounge": 1}))
    story.cancel(april(2))
    if refused:
        assert refusal(story.update, april(3), **asked) == "SUBSCRIPTION_ENDED"
    else:
        assert story.update(april(3), **asked).lines


def test_a_raise_before_the_end_is_taken_though_less_was_scheduled() -> None:
    story = begun()
    story.update(april(2), {"gates": "2"}, extras={"lounge": 0})
    story.cancel(april(3))
    assert told(story.update(april(16), {"gates": "8"}).lines) == [("COMMITMENT_PRORATION", "8", "10.00")]


def test_a_trial_s_schedule_counts_at_its_end() -> None:
    story = begun(trial=TrialAsked(april(15), TrialEnd.CONVERT))
    story.cancel(april(3), CancelTiming.AT_TIME, at=april(20))
    story.update(april(4), {"gates": "2"})
    assert told(story.renew().lines)[1] == ("COMMITMENT", "2", "20.00")


def test_a_trial_is_not_ended_early_for_a_period_that_is_canceled() -> None:
    story = begun(trial=TrialAsked(april(15), TrialEnd.CONVERT))
    story.cancel(april(3))
    assert refusal(story.update, april(4), end_trial=True) == "SUBSCRIPTION_ENDED"
    story.resume(april(4))
    assert len(story.update(april(4), end_trial=True).lines) == 3


@pytest.mark.parametrize("name", ["cancel", "resume", "update"])
def test_what_waits_for_its_payment_is_left_alone(name: str) -> None:
    story = begun()
    held = story.subscription
    pending = replace(held, pending=Pending(held, "inv_1", april(2)))
    story.changes.append(replace(story.changes[-1], subscription=pending))
    assert pending.boundary is None
    assert refusal(getattr(story, name), april(3)) == "CHANGE_PENDING"


def test_a_stale_etag_changes_nothing() -> None:
    story = begun()
    assert refusal(story.cancel, april(2), etag="0") == "ETAG_MISMATCH"
    story.cancel(april(2), etag=story.subscription.etag)
    assert refusal(story.resume, april(3), etag="1") == "ETAG_MISMATCH"
    story.resume(april(3), etag=story.subscription.etag)


@pytest.mark.parametrize(
    "state", [SubscriptionState.PENDING_PAYMENT, SubscriptionState.CANCELED, SubscriptionState.EXPIRED]
)
def test_nothing_happens_by_itself_to_what_waits_or_has_ended(state: SubscriptionState) -> None:
    held = replace(begun().subscription, state=state)
    with pytest.raises(ValueError, match="by itself"):
        cross(held, revision=9)


def test_past_due_is_renewed_and_charged_as_active() -> None:
    story = begun()
    story.changes.append(
        replace(story.changes[-1], subscription=replace(story.subscription, state=SubscriptionState.PAST_DUE), lines=())
    )
    renewed = story.renew()
    assert (renewed.subscription.state, len(renewed.lines)) == (SubscriptionState.PAST_DUE, 4)


def test_what_has_not_begun_may_end_after_its_start() -> None:
    story = begun(start_time=MAY)
    assert refusal(story.cancel, april(9), CancelTiming.AT_TIME, at=april(9)) == "INVALID_FIELD"
    story.cancel(april(9), CancelTiming.AT_TIME, at=MAY + timedelta(days=3))
    assert (story.subscription.state, story.subscription.cancel_time) == (
        SubscriptionState.SCHEDULED,
        MAY + timedelta(days=3),
    )
    [started, ended] = story.advance(MAY + timedelta(days=3))
    assert started.reason is InvoiceReason.PROVISION
    assert (ended.subscription.state, ended.reason) == (SubscriptionState.CANCELED, InvoiceReason.FINAL)
