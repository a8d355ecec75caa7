"""Customers and test clocks in billing's messages."""

from entitlements.domain.customer import Customer, TestClock
from kit.proto import timestamp_from_proto
from tollkeeper.billing.v1 import customer_pb2, test_clock_pb2


def customer_from_proto(message: customer_pb2.Customer) -> Customer:
    """The customer that billing tells of."""
    return Customer(message.id, message.test_clock_id, message.revision)


def test_clock_from_proto(message: test_clock_pb2.TestClock) -> TestClock:
    """The test clock that billing tells of."""
    return TestClock(message.id, timestamp_from_proto(message.time, "test_clock.time"), message.revision)
