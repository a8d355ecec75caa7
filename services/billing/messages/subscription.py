"""Subscriptions in messages."""

from collections.abc import Sequence

from billing.domain.commitment import Commitment
from billing.domain.subscription import Subscription
from billing.messages.enums import billing_period_to_proto, enum_to_proto
from kernel.errors import Mistakes
from kernel.quantity import parse_decimal
from kit.proto import decimal_to_proto, period_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import subscription_pb2


def subscription_to_proto(subscription: Subscription) -> subscription_pb2.Subscription:
    """A subscription as the contract shows it."""
    message = subscription_pb2.Subscription(
        id=subscription.id,
        customer_id=subscription.customer_id,
        product_id=subscription.product_id,
        plan_id=subscription.plan_id,
        plan_version=subscription.plan_version,
        state=enum_to_proto(subscription_pb2.SubscriptionState, "SUBSCRIPTION_STATE", subscription.state),
        billing_period=billing_period_to_proto(subscription.offer.billing_period),
        currency=subscription.offer.currency,
        time_zone=subscription.time_zone,
        start_time=timestamp_to_proto(subscription.start_time),
        current_period=period_to_proto(subscription.period),
        commitments=[commitment_to_proto(commitment) for commitment in subscription.commitments],
        revision=subscription.revision,
        create_time=timestamp_to_proto(subscription.create_time),
    )
    if subscription.cancel_time is not None:
        message.cancel_time.CopyFrom(timestamp_to_proto(subscription.cancel_time))
    if subscription.end_time is not None:
        message.end_time.CopyFrom(timestamp_to_proto(subscription.end_time))
    return message


def commitment_to_proto(commitment: Commitment) -> subscription_pb2.Commitment:
    """A commitment as the contract shows it."""
    return subscription_pb2.Commitment(feature_id=commitment.feature_id, quantity=decimal_to_proto(commitment.quantity))


def commitments_from_proto(
    messages: Sequence[subscription_pb2.Commitment], mistakes: Mistakes
) -> tuple[Commitment, ...]:
    """The commitments that the caller asks for; numbers that are none are noted with their path."""
    found = []
    for i, message in enumerate(messages):
        quantity = mistakes.attempt(parse_decimal, message.quantity, f"commitments[{i}].quantity")
        if quantity is not None:
            found.append(Commitment(message.feature_id, quantity))
    return tuple(found)
