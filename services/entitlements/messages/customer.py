"""Customers, test clocks and subscriptions in billing's messages."""

from datetime import datetime
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from entitlements.domain.customer import Customer, Subscription, TestClock
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.recurrence import zone
from kit.proto import timestamp_from_proto
from tollkeeper.billing.v1 import customer_pb2, subscription_pb2, test_clock_pb2
from tollkeeper.catalog.v1 import charge_pb2


def customer_from_proto(message: customer_pb2.Customer) -> Customer:
    """The customer that billing tells of."""
    return Customer(message.id, message.test_clock_id, message.revision)


def test_clock_from_proto(message: test_clock_pb2.TestClock) -> TestClock:
    """The test clock that billing tells of."""
    return TestClock(message.id, timestamp_from_proto(message.time, "test_clock.time"), message.revision)


def subscription_from_proto(message: subscription_pb2.Subscription) -> Subscription:
    """The subscription that billing tells of.

    Raises:
        ValueError: It holds a word, a zone or a time that this version does not know.
    """
    try:
        return _subscription(message)
    except (TollkeeperError, ArithmeticError) as error:
        raise ValueError(f"the subscription {message.id} cannot be understood: {error}") from error


def _subscription(message: subscription_pb2.Subscription) -> Subscription:
    return Subscription(
        id=message.id,
        customer_id=message.customer_id,
        plan_id=message.plan_id,
        plan_version=message.plan_version,
        billing_period=BillingPeriod(
            charge_pb2.BillingPeriod.Name(message.billing_period).removeprefix("BILLING_PERIOD_")
        ),
        time_zone=zone(message.time_zone or "UTC", "subscription.time_zone").key,
        start_time=timestamp_from_proto(message.start_time, "subscription.start_time"),
        cancel_time=_time(message.cancel_time, "subscription.cancel_time") if message.HasField("cancel_time") else None,
        end_time=_time(message.end_time, "subscription.end_time") if message.HasField("end_time") else None,
        create_time=_time(
            message.create_time if message.HasField("create_time") else message.start_time, "create_time"
        ),
        commitments={item.feature_id: Decimal(item.quantity) for item in message.commitments},
        revision=message.revision,
    )


def _time(timestamp: Timestamp, path: str) -> datetime:
    return timestamp_from_proto(timestamp, path)
