"""Subscriptions in messages."""

from collections.abc import Iterable
from datetime import datetime

from billing.domain.commitment import Commitment
from billing.domain.coupon import AppliedCoupon
from billing.domain.holding import HeldAddOn, Holding
from billing.domain.plan_terms import TrialEnd
from billing.domain.subscription import Subscription, SubscriptionState
from billing.messages.enums import billing_period_to_proto, enum_to_proto
from kernel.errors import FieldViolation, invalid
from kit.proto import decimal_to_proto, period_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import subscription_pb2 as pb
from tollkeeper.catalog.v1 import plan_pb2
from tollkeeper.common.v1 import period_pb2


def subscription_to_proto(subscription: Subscription) -> pb.Subscription:
    """A subscription as the contract shows it."""
    holding = subscription.holding
    message = pb.Subscription(
        id=subscription.id,
        customer_id=subscription.customer_id,
        product_id=subscription.product_id,
        plan_id=holding.plan_id,
        plan_version=holding.plan_version,
        state=enum_to_proto(pb.SubscriptionState, "SUBSCRIPTION_STATE", subscription.state),
        billing_period=billing_period_to_proto(holding.billing_period),
        currency=subscription.currency,
        time_zone=subscription.time_zone,
        start_time=timestamp_to_proto(subscription.start_time),
        current_period=period_to_proto(subscription.period),
        commitments=[commitment_to_proto(commitment) for commitment in holding.commitments],
        revision=subscription.revision,
        create_time=timestamp_to_proto(subscription.create_time),
        resource_id=subscription.resource_id,
        add_ons=[add_on_to_proto(add_on) for add_on in holding.add_ons],
        anchor_time=timestamp_to_proto(subscription.anchor_time),
        coupons=[_coupon(coupon) for coupon in subscription.coupons],
        country=subscription.country,
        etag=subscription.etag,
    )
    if subscription.cancel_time is not None:
        message.cancel_time.CopyFrom(timestamp_to_proto(subscription.cancel_time))
    if subscription.end_time is not None:
        message.end_time.CopyFrom(timestamp_to_proto(subscription.end_time))
    if subscription.trial_end is not None:
        message.trial_end_time.CopyFrom(timestamp_to_proto(subscription.trial_end))
        message.trial_end_behavior = enum_to_proto(
            plan_pb2.TrialEndBehavior, "TRIAL_END_BEHAVIOR", subscription.trial_end_behavior or TrialEnd.CONVERT
        )
    if subscription.scheduled is not None:
        message.scheduled_change.CopyFrom(_scheduled(subscription, subscription.scheduled))
    if subscription.pending is not None:
        message.pending_change.invoice_id = subscription.pending.invoice_id
        message.pending_change.create_time.CopyFrom(timestamp_to_proto(subscription.pending.create_time))
    access = _access(subscription)
    if access is not None:
        message.access_period.CopyFrom(access)
    return message


def subscription_states_from_proto(numbers: Iterable[int], path: str) -> tuple[SubscriptionState, ...]:
    """The states that a list is asked for, each once.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a number that the contract does not know.
    """
    known = {pb.SubscriptionState.Value(f"SUBSCRIPTION_STATE_{state}"): state for state in SubscriptionState}
    asked = set(numbers)
    if not asked <= {int(number) for number in known}:
        offered = ", ".join(f"SUBSCRIPTION_STATE_{state}" for state in SubscriptionState)
        raise invalid(FieldViolation(path, f"must be among {offered}"))
    return tuple(state for number, state in known.items() if number in asked)


def commitment_to_proto(commitment: Commitment) -> pb.Commitment:
    """A commitment as the contract shows it."""
    return pb.Commitment(feature_id=commitment.feature_id, quantity=decimal_to_proto(commitment.quantity))


def add_on_to_proto(add_on: HeldAddOn) -> pb.SubscriptionAddOn:
    """An add-on that is held as the contract shows it."""
    return pb.SubscriptionAddOn(add_on_id=add_on.add_on_id, quantity=add_on.quantity)


def _scheduled(subscription: Subscription, holding: Holding) -> pb.ScheduledChange:
    on_trial = subscription.state is SubscriptionState.TRIALING
    effective = subscription.trial_end if on_trial and subscription.trial_end else subscription.period.end
    restarts = not on_trial and holding.billing_period is not subscription.holding.billing_period
    return pb.ScheduledChange(
        effective_time=timestamp_to_proto(effective),
        plan_id=holding.plan_id,
        plan_version=holding.plan_version,
        billing_period=billing_period_to_proto(holding.billing_period),
        commitments=[commitment_to_proto(commitment) for commitment in holding.commitments],
        add_ons=[add_on_to_proto(add_on) for add_on in holding.add_ons],
        anchor_time=timestamp_to_proto(effective if restarts else subscription.anchor_time),
    )


def _coupon(applied: AppliedCoupon) -> pb.SubscriptionCoupon:
    message = pb.SubscriptionCoupon(coupon_id=applied.coupon.id, start_time=timestamp_to_proto(applied.start_time))
    if applied.end_time is not None:
        message.end_time.CopyFrom(timestamp_to_proto(applied.end_time))
    return message


def _access(subscription: Subscription) -> period_pb2.Period | None:
    """From when to when it gives access, as far as is known; None where it gives none."""
    end: datetime | None
    match subscription.state:
        case SubscriptionState.PENDING_PAYMENT:
            return None
        case SubscriptionState.SCHEDULED if not subscription.opens_unpaid:
            return None
        case SubscriptionState.CANCELED | SubscriptionState.EXPIRED:
            end = subscription.end_time
        case SubscriptionState.ACTIVE | SubscriptionState.PAST_DUE:
            end = subscription.cancel_time
        case SubscriptionState.SCHEDULED | SubscriptionState.TRIALING:
            expires = subscription.trial_end_behavior is TrialEnd.EXPIRE
            ends = [subscription.cancel_time, subscription.trial_end if expires else None]
            end = min((one for one in ends if one is not None), default=None)
    if end is not None and end <= subscription.start_time:
        return None
    period = period_pb2.Period(start_time=timestamp_to_proto(subscription.start_time))
    if end is not None:
        period.end_time.CopyFrom(timestamp_to_proto(end))
    return period
