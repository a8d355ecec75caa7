"""Customers and test clocks of billing in messages."""

from kit.proto import timestamp_from_proto
from metering.domain.customer import Customer, TestClock
from tollkeeper.billing.v1 import customer_pb2, test_clock_pb2


def customer_from_proto(message: customer_pb2.Customer) -> Customer:
    """What metering keeps of a customer."""
    return Customer(message.id, message.test_clock_id, message.revision)


def test_clock_from_proto(message: test_clock_pb2.TestClock) -> TestClock:
    """The clock as far as it surely stands: while it is advanced, where it was."""
    return TestClock(message.id, timestamp_from_proto(message.time, "test_clock.time"), message.revision)
