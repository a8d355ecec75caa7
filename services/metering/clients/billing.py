"""Billing."""

import grpc

from kit.client import call
from kit.errors import RemoteRefusal
from metering.domain.customer import Customer, TestClock
from metering.messages.customer import customer_from_proto, test_clock_from_proto
from tollkeeper.billing.v1.customer_service_pb2 import GetCustomerRequest
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2 import GetTestClockRequest
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub


class Billing:
    """Asks billing."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._customers = CustomerServiceStub(channel)
        self._test_clocks = TestClockServiceStub(channel)

    async def get_customer(self, customer_id: str) -> Customer | None:
        """The customer, or None where billing has none of that id.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        try:
            response = await call(self._customers.GetCustomer, GetCustomerRequest(customer_id=customer_id), retry=True)
        except RemoteRefusal as refusal:
            if refusal.reason == "CUSTOMER_NOT_FOUND":
                return None
            raise
        return customer_from_proto(response.customer)

    async def get_test_clock(self, test_clock_id: str) -> TestClock | None:
        """The clock, or None where billing has none of that id.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        try:
            request = GetTestClockRequest(test_clock_id=test_clock_id)
            response = await call(self._test_clocks.GetTestClock, request, retry=True)
        except RemoteRefusal as refusal:
            if refusal.reason == "TEST_CLOCK_NOT_FOUND":
                return None
            raise
        return test_clock_from_proto(response.test_clock)
