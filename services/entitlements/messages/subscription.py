"""Subscriptions in billing's messages."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from entitlements.domain.subscription import Scheduled, Subscription, Terms
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.recurrence import zone
from kit.proto import timestamp_from_proto
from tollkeeper.billing.v1 import subscription_pb2 as pb
from tollkeeper.catalog.v1 import charge_pb2

# In these its access has begun; in the charged ones its billing periods have.
_CHARGED: Final = {pb.SUBSCRIPTION_STATE_ACTIVE, pb.SUBSCRIPTION_STATE_PAST_DUE}
_LIVE: Final = {*_CHARGED, pb.SUBSCRIPTION_STATE_TRIALING}


def subscription_from_proto(message: pb.Subscription) -> Subscription:
    """The subscription that billing tells of.

    Raises:
        ValueError: It holds a word, a zone or a time that this version does not know.
    """
    try:
        return _subscription(message)
    except (TollkeeperError, ArithmeticError) as error:
        raise ValueError(f"the subscription {message.id} cannot be understood: {error}") from error


def _subscription(message: pb.Subscription) -> Subscription:
    terms = _terms(message, message.start_time)
    access = message.access_period
    access_start = _time(access.start_time, "access_period.start_time") if message.HasField("access_period") else None
    return Subscription(
        id=message.id,
        customer_id=message.customer_id,
        time_zone=zone(message.time_zone or "UTC", "time_zone").key,
        start_time=_time(message.start_time, "start_time"),
        access_start=access_start,
        access_end=_time(access.end_time, "access_period.end_time") if access.HasField("end_time") else None,
        end_time=_time(message.end_time, "end_time") if message.HasField("end_time") else None,
        terms=terms,
        scheduled=_scheduled(message) if message.HasField("scheduled_change") else None,
        seen_time=_seen(message, access_start, anchor=terms.anchor_time),
        revision=message.revision,
    )


def _terms(held: pb.Subscription | pb.ScheduledChange, start: Timestamp) -> Terms:
    period = charge_pb2.BillingPeriod.Name(held.billing_period).removeprefix("BILLING_PERIOD_")
    return Terms(
        plan_id=held.plan_id,
        plan_version=held.plan_version,
        billing_period=BillingPeriod(period),
        anchor_time=_time(held.anchor_time if held.HasField("anchor_time") else start, "anchor_time"),
        commitments={item.feature_id: Decimal(item.quantity) for item in held.commitments},
        add_ons={item.add_on_id: item.quantity for item in held.add_ons if item.quantity > 0},
    )


def _scheduled(message: pb.Subscription) -> Scheduled:
    change = message.scheduled_change
    anchor = message.anchor_time if message.HasField("anchor_time") else message.start_time
    return Scheduled(_time(change.effective_time, "scheduled_change.effective_time"), _terms(change, anchor))


def _seen(message: pb.Subscription, access_start: datetime | None, *, anchor: datetime) -> datetime:
    """What billing has seen on the customer's clock: what the state says to have begun lies behind."""
    times = [_time(message.create_time if message.HasField("create_time") else message.start_time, "create_time")]
    if message.state in _LIVE and access_start is not None:
        times.append(access_start)
    if message.state in _CHARGED:
        times.append(anchor)
    return max(times)


def _time(timestamp: Timestamp, path: str) -> datetime:
    return timestamp_from_proto(timestamp, path)
