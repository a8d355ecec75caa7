"""Billing's subscriptions become values: what is held when, and from when to when it gives access."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from entitlements.domain.subscription import Scheduled, Subscription
from entitlements.messages.subscription import subscription_from_proto
from kernel.period import BillingPeriod
from kit.proto import timestamp_to_proto
from tests.unit.entitlements.build import START, terms
from tollkeeper.billing.v1 import subscription_pb2
from tollkeeper.catalog.v1 import charge_pb2
from tollkeeper.common.v1 import period_pb2

STRANGE = subscription_pb2.ScheduledChange(plan_id="carrier", plan_version=3)


@pytest.mark.parametrize(
    "wrong",
    [{"time_zone": "Mars/Olympus"}, {"billing_period": 77}, {"billing_period": 0}, {"scheduled_change": STRANGE}],
)
def test_a_subscription_with_a_word_that_is_not_known_is_not_guessed(wrong: dict[str, object]) -> None:
    good: dict[str, object] = {"id": "s", "billing_period": charge_pb2.BILLING_PERIOD_MONTHLY}
    with pytest.raises(ValueError, match=r"cannot be understood|not a valid|has no name"):
        subscription_from_proto(subscription_pb2.Subscription(**(good | wrong)))  # type: ignore[arg-type]  # its fields.


DAY = timedelta(days=1)


def from_billing(**fields: object) -> Subscription:
    """A subscription that began at the start, with access from then on."""
    message = subscription_pb2.Subscription(
        id="s",
        customer_id="c",
        plan_id="carrier",
        plan_version=3,
        state=subscription_pb2.SUBSCRIPTION_STATE_ACTIVE,
        billing_period=charge_pb2.BILLING_PERIOD_MONTHLY,
        start_time=timestamp_to_proto(START),
        create_time=timestamp_to_proto(START - DAY),
        anchor_time=timestamp_to_proto(START),
        access_period=period_pb2.Period(start_time=timestamp_to_proto(START)),
        revision=9,
    )
    message.MergeFrom(subscription_pb2.Subscription(**fields))  # type: ignore[arg-type]  # its fields.
    return subscription_from_proto(message)


def test_a_subscription_with_everything() -> None:
    end, change = START + 60 * DAY, START + 31 * DAY
    read = from_billing(
        time_zone="Europe/Berlin",
        resource_id="north",
        commitments=[subscription_pb2.Commitment(feature_id="gates", quantity="5.0")],
        add_ons=[subscription_pb2.SubscriptionAddOn(add_on_id="more", quantity=2)],
        access_period=period_pb2.Period(end_time=timestamp_to_proto(end)),
        scheduled_change=subscription_pb2.ScheduledChange(
            effective_time=timestamp_to_proto(change),
            plan_id="large",
            plan_version=1,
            billing_period=charge_pb2.BILLING_PERIOD_YEARLY,
            anchor_time=timestamp_to_proto(change),
        ),
    )
    held = terms(version=3, commitments={"gates": "5"}, add_ons={"more": 2})
    later = terms(plan_id="large", period=BillingPeriod.YEARLY, anchor=change)
    assert (read.access_start, read.access_end, read.end_time) == (START, end, None)
    assert (read.terms, read.scheduled) == (held, Scheduled(change, later))
    assert (read.time_zone, read.revision) == ("Europe/Berlin", 9)
    assert read.plan_keys == (("carrier", 3), ("large", 1))


def test_access_is_what_billing_says_whatever_the_state() -> None:
    pending = subscription_pb2.Subscription(
        id="s", billing_period=charge_pb2.BILLING_PERIOD_MONTHLY, state=subscription_pb2.SUBSCRIPTION_STATE_ACTIVE
    )
    assert subscription_from_proto(pending).access_start is None
    unheard_of: Any = 77
    assert from_billing(state=unheard_of).access_start == START


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (subscription_pb2.SUBSCRIPTION_STATE_SCHEDULED, START - DAY),
        (subscription_pb2.SUBSCRIPTION_STATE_PENDING_PAYMENT, START - DAY),
        (subscription_pb2.SUBSCRIPTION_STATE_CANCELED, START - DAY),
        (subscription_pb2.SUBSCRIPTION_STATE_TRIALING, START),
        (subscription_pb2.SUBSCRIPTION_STATE_ACTIVE, START + DAY),
        (subscription_pb2.SUBSCRIPTION_STATE_PAST_DUE, START + DAY),
    ],
)
def test_what_the_state_says_to_have_begun_lies_behind(
    state: "subscription_pb2.SubscriptionState.ValueType", seen: datetime
) -> None:
    assert from_billing(state=state, anchor_time=timestamp_to_proto(START + DAY)).seen_time == seen


def test_what_periods_follow_from() -> None:
    one = from_billing()
    same = [
        from_billing(commitments=[subscription_pb2.Commitment(feature_id="gates", quantity="5")]),
        from_billing(access_period=period_pb2.Period(end_time=timestamp_to_proto(START + DAY)), revision=12),
    ]
    added = subscription_pb2.SubscriptionAddOn(add_on_id="more", quantity=1)
    more = subscription_pb2.SubscriptionAddOn(add_on_id="more", quantity=2)
    other = [
        from_billing(plan_version=4),
        from_billing(time_zone="Europe/Berlin"),
        from_billing(anchor_time=timestamp_to_proto(START + DAY)),
        from_billing(add_ons=[added]),
        from_billing(
            scheduled_change=subscription_pb2.ScheduledChange(
                plan_id="carrier", plan_version=3, billing_period=charge_pb2.BILLING_PERIOD_MONTHLY
            )
        ),
    ]
    assert {each.counting for each in [one, *same]} == {one.counting}
    assert len({each.counting for each in [one, *other]}) == 6
    assert from_billing(add_ons=[added]).counting == from_billing(add_ons=[more]).counting
