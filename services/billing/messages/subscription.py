"""Subscriptions in messages."""

from collections.abc import Sequence

from billing.domain.commitment import Commitment
from billing.domain.subscription import Subscription
from billing.messages.enums import billing_period_to_proto, enum_to_proto
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.quantity import ZERO, parse_quantity
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
    """The commitments that the caller asks for; what is wrong about them in any plan is noted with its path."""
    found: dict[str, Commitment] = {}
    for i, message in enumerate(messages):
        path = f"commitments[{i}]"
        feature_id = mistakes.attempt(check_id, message.feature_id, f"{path}.feature_id")
        quantity = mistakes.attempt(parse_quantity, message.quantity, f"{path}.quantity")
        if feature_id in found:
            mistakes.add(f"{path}.feature_id", f"names {feature_id} a second time: name each feature once")
        elif feature_id is not None:
            found[feature_id] = Commitment(feature_id, quantity or ZERO)
    return tuple(found.values())
