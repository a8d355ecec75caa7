"""How a subscription begins: now, later, in the past, on trial, on a resource; and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billing.domain.coupon import Duration
from billing.domain.invoice import InvoiceReason
from billing.domain.plan_terms import Offer, PlanTerms, TrialEnd, TrialTerms
from billing.domain.provision import FARTHEST_START, LONGEST_TRIAL, TrialAsked
from billing.domain.subscription import SubscriptionState
from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from tests.unit.billing.story import Story
from tests.unit.billing.terms import (
    USD_MONTHLY,
    add_on,
    add_ons,
    amount_off,
    committed,
    customer,
    fee,
    percent_off,
    plan,
    told,
    used,
)

NOW = datetime(2026, 4, 10, 9, 30, tzinfo=UTC)
SEATS = plan(
    fee("10"), committed(FlatRate(Decimal(2))), used(FlatRate(Decimal(1))), trial=TrialTerms(14, TrialEnd.CONVERT)
)
PLAIN = plan(fee("10"), used(FlatRate(Decimal(1))))


def begun(terms: PlanTerms = SEATS, **more: Any) -> Story:
    story = Story(terms)
    story.provision(NOW, time_zone="UTC", **more)
    return story


def refusal(terms: PlanTerms = PLAIN, **more: Any) -> TollkeeperError:
    with pytest.raises(TollkeeperError) as refused:
        begun(terms, **more)
    return refused.value


def test_a_start_to_come_is_charged_when_it_comes() -> None:
    start = NOW + timedelta(days=30)
    story = begun(PLAIN, start_time=start)
    held = story.subscription
    assert (held.state, held.boundary, held.period.start) == (SubscriptionState.SCHEDULED, start, start)
    assert (story.lines, held.charging, held.access_begun) == ([], False, False)
    begins = story.renew()
    assert (begins.reason, begins.at, begins.subscription.state) == (
        InvoiceReason.PROVISION,
        start,
        SubscriptionState.ACTIVE,
    )
    assert told(begins.lines) == [("FLAT_FEE", "1", "10.00")]
    story.use(start, "3")
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "10.00"), ("USAGE", "3", "3.00")]


def test_what_lies_before_now_is_not_charged() -> None:
    start = datetime(2026, 1, 31, tzinfo=UTC)
    story = begun(PLAIN, start_time=start)
    held = story.subscription
    assert (held.state, story.lines) == (SubscriptionState.ACTIVE, [])
    assert (held.period_number, held.first_charged, held.charging) == (2, 3, False)
    assert (held.period.start, held.period.end) == (
        datetime(2026, 3, 31, tzinfo=UTC),
        datetime(2026, 4, 30, tzinfo=UTC),
    )
    story.use(NOW, "5")
    first = story.renew()
    assert story.asked == ()
    assert told(first.lines) == [("FLAT_FEE", "1", "10.00")]
    assert first.reason is InvoiceReason.RENEWAL
    # Neither that usage nor any before it ever is.
    story.use(NOW, "5")
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "10.00"), ("USAGE", "0", "0.00")]


def test_a_period_that_begins_just_now_is_charged() -> None:
    story = begun(PLAIN, start_time=datetime(2026, 3, 10, 9, 30, tzinfo=UTC))
    assert (story.subscription.period.start, story.subscription.charging) == (NOW, True)
    assert told(story.lines) == [("FLAT_FEE", "1", "10.00")]


def test_history_is_changed_without_charge() -> None:
    story = begun(plan(committed(FlatRate(Decimal(2)))), start_time=NOW - timedelta(days=3))
    assert story.update(NOW, {"gates": "7"}).lines == ()
    assert told(story.renew().lines) == [("COMMITMENT", "7", "14.00")]


@pytest.mark.parametrize("start", [NOW - FARTHEST_START, NOW + FARTHEST_START])
def test_ten_years_away(start: datetime) -> None:
    assert begun(PLAIN, start_time=start).subscription.start_time == start
    too_far = start + (start - NOW) / abs((start - NOW).days)
    assert [violation.path for violation in refusal(start_time=too_far).violations] == ["start_time"]


def test_a_trial_begins_and_is_charged_at_its_end() -> None:
    story = begun()
    held = story.subscription
    end = NOW + timedelta(days=14)
    assert (held.state, held.trial_end, held.boundary, held.anchor_time) == (SubscriptionState.TRIALING, end, end, end)
    assert (story.lines, held.access_begun, held.period.start) == ([], True, end)
    story.use(NOW, "9")
    converted = story.renew()
    assert story.asked == ()
    assert (converted.reason, converted.subscription.state) == (InvoiceReason.TRIAL_END, SubscriptionState.ACTIVE)
    assert told(converted.lines) == [("FLAT_FEE", "1", "10.00"), ("COMMITMENT", "1", "2.00")]
    assert told(story.renew().lines)[-1] == ("USAGE", "0", "0.00")


def test_a_trial_s_days_are_local() -> None:
    # The clocks of New York go forward on 8 March 2026.
    story = Story(SEATS)
    start = datetime(2026, 3, 1, 9, tzinfo=ZoneInfo("America/New_York"))
    story.provision(start, time_zone="America/New_York")
    end = story.subscription.trial_end
    assert end == datetime(2026, 3, 15, 9, tzinfo=ZoneInfo("America/New_York"))
    assert end - start.astimezone(UTC) == timedelta(days=14, hours=-1)


@pytest.mark.parametrize(
    ("had_trial", "asked", "state", "days"),
    [
        (False, None, SubscriptionState.TRIALING, 14),
        (True, None, SubscriptionState.ACTIVE, None),
        (False, TrialAsked(None, TrialEnd.CONVERT), SubscriptionState.ACTIVE, None),
        (True, TrialAsked(None, TrialEnd.CONVERT), SubscriptionState.ACTIVE, None),
        (False, TrialAsked(NOW + timedelta(days=3), TrialEnd.EXPIRE), SubscriptionState.TRIALING, 3),
        (False, TrialAsked(NOW + LONGEST_TRIAL, TrialEnd.EXPIRE), SubscriptionState.TRIALING, 730),
    ],
)
def test_which_trial_there_is(
    *, had_trial: bool, asked: TrialAsked | None, state: SubscriptionState, days: int | None
) -> None:
    held = begun(had_trial=had_trial, trial=asked).subscription
    assert (held.state, held.trial_end) == (state, None if days is None else NOW + timedelta(days=days))


def test_a_second_trial_is_refused() -> None:
    refused = refusal(had_trial=True, trial=TrialAsked(NOW + timedelta(days=3), TrialEnd.CONVERT))
    assert refused.reason == "TRIAL_USED"


@pytest.mark.parametrize(
    ("end", "start"),
    [
        (NOW, None),
        (NOW + LONGEST_TRIAL + timedelta(microseconds=1), None),
        (NOW + timedelta(days=1), NOW - timedelta(days=1)),
    ],
    ids=["no time", "too long", "in the past"],
)
def test_trials_that_cannot_be(end: datetime, start: datetime | None) -> None:
    refused = refusal(start_time=start, trial=TrialAsked(end, TrialEnd.CONVERT))
    assert [violation.path for violation in refused.violations] == ["trial.end_time"]


def test_what_began_in_the_past_has_no_trial() -> None:
    held = begun(start_time=NOW - timedelta(days=1)).subscription
    assert (held.state, held.trial_end) == (SubscriptionState.ACTIVE, None)


def test_a_start_to_come_with_a_trial() -> None:
    start = NOW + timedelta(days=2)
    story = begun(start_time=start)
    assert (story.subscription.state, story.subscription.boundary) == (SubscriptionState.SCHEDULED, start)
    on_trial = story.renew()
    assert (on_trial.lines, on_trial.subscription.state) == ((), SubscriptionState.TRIALING)
    converted = story.renew()
    assert (converted.at, len(converted.lines)) == (start + timedelta(days=14), 2)


@pytest.mark.parametrize(("several", "resource_id"), [(True, "eu"), (False, "")])
def test_a_resource_is_named_where_the_product_allows_several(*, several: bool, resource_id: str) -> None:
    assert begun(plan(several=several), resource_id=resource_id).subscription.resource_id == resource_id
    refused = refusal(plan(several=several), resource_id="" if several else "eu")
    assert refused.reason == "RESOURCE_INVALID"
    assert [violation.path for violation in refused.violations] == ["resource_id"]


def test_add_ons_are_charged_for_each_unit() -> None:
    story = begun(
        plan(fee("10"), add_ons=[add_on("lounge"), add_on("wifi", required=["lounge"])]),
        add_ons=add_ons({"wifi": 1, "lounge": 3}),
    )
    assert told(story.lines) == [("FLAT_FEE", "1", "10.00"), ("ADD_ON", "3", "9.00"), ("ADD_ON", "1", "3.00")]


@pytest.mark.parametrize(
    ("extras", "message"),
    [
        ({"lounge": 11}, "must be at most 10 of lounge"),
        ({"sauna": 1}, "must be an add-on that the plan airline is compatible with: departing, lounge, wifi"),
        ({"wifi": 1}, "must hold lounge as well, which wifi requires"),
        ({"departing": 1}, "must not hold departing: airline charges for the usage of departures"),
    ],
)
def test_add_ons_that_cannot_be_held(extras: dict[str, int], message: str) -> None:
    departing = add_on("departing", used(FlatRate(Decimal(1))))
    terms = plan(used(FlatRate(Decimal(1))), add_ons=[add_on("lounge"), add_on("wifi", required=["lounge"]), departing])
    refused = refusal(terms, add_ons=add_ons(extras))
    assert refused.reason == "ADD_ON_INVALID"
    assert [violation.message for violation in refused.violations] == [message]


@pytest.mark.parametrize(
    ("payer", "asked", "amount"),
    [
        ("", None, "10.00"),
        ("DE", None, "9.00"),
        ("US", None, "10.00"),
        ("DE", "US", "10.00"),
        ("", "DE", "9.00"),
        ("DE", "", "10.00"),
    ],
)
def test_prices_of_a_country(payer: str, asked: str | None, amount: str) -> None:
    prices = {USD_MONTHLY: FlatRate(Decimal(10)), Offer(BillingPeriod.MONTHLY, "USD", "DE"): FlatRate(Decimal(9))}
    story = begun(plan(fee("0", prices=prices)), payer=customer(NOW, country=payer), country=asked)
    assert told(story.lines) == [("FLAT_FEE", "1", amount)]
    assert told(story.renew().lines) == [("FLAT_FEE", "1", amount)]


def test_an_add_on_without_a_price_is_refused() -> None:
    euro = Offer(BillingPeriod.MONTHLY, "EUR")
    terms = plan(fee("10", offers=[USD_MONTHLY, euro]), add_ons=[add_on("lounge")])
    refused = refusal(terms, currency="EUR", add_ons=add_ons({"lounge": 1}))
    assert (refused.reason, refused.metadata["offered"]) == ("PRICE_NOT_OFFERED", "MONTHLY USD")
    assert "with these add-ons" in refused.message


def test_a_coupon_must_take_something_off_in_the_currency() -> None:
    refused = refusal(coupons=[amount_off("5", unit="EUR")])
    assert refused.reason == "COUPON_NOT_APPLICABLE"
    assert told(begun(PLAIN, coupons=[percent_off("10")]).lines) == [("FLAT_FEE", "1", "9.00")]


def test_a_coupon_of_a_trial_is_used_by_its_first_charge() -> None:
    story = begun(coupons=[percent_off("50", Duration.ONCE)])
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "5.00"), ("COMMITMENT", "1", "1.00")]
    assert told(story.renew().lines)[0] == ("FLAT_FEE", "1", "10.00")


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(TollkeeperError) as refused:
        Story(PLAIN).provision(NOW, time_zone="Mars/Olympus")
    assert [violation.path for violation in refused.value.violations] == ["time_zone"]


def test_a_trial_may_be_ended_by_the_customer() -> None:
    story = begun(trial=TrialAsked(NOW + timedelta(days=20), TrialEnd.EXPIRE))
    at = NOW + timedelta(days=5)
    with pytest.raises(TollkeeperError, match="SUBSCRIPTION_ENDED"):
        story.update(at, {"gates": "7"}, timing=Timing.PERIOD_END)
    changed = story.update(at, {"gates": "3"}, end_trial=True)
    held = changed.subscription
    assert (held.state, held.trial_end, held.anchor_time, held.period.start) == (SubscriptionState.ACTIVE, at, at, at)
    assert told(changed.lines) == [("FLAT_FEE", "1", "10.00"), ("COMMITMENT", "3", "6.00")]
    with pytest.raises(TollkeeperError, match="NOT_ON_TRIAL"):
        story.update(at, end_trial=True)


def test_what_happens_at_the_end_of_a_trial_may_be_changed() -> None:
    end = NOW + timedelta(days=20)
    story = begun(trial=TrialAsked(end, TrialEnd.EXPIRE))
    story.update(NOW + timedelta(days=5), trial_end=TrialEnd.CONVERT)
    story.advance(end)
    assert story.subscription.state is SubscriptionState.ACTIVE
    with pytest.raises(TollkeeperError, match="NOT_ON_TRIAL"):
        story.update(end, trial_end=TrialEnd.EXPIRE)
