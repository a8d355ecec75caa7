"""Billing: customers, test clocks and subscriptions."""

from collections.abc import Sequence

import grpc

from entitlements.clients.refusals import answered
from entitlements.domain.customer import Customer, TestClock
from entitlements.domain.subscription import Subscription
from entitlements.messages.customer import customer_from_proto, test_clock_from_proto
from entitlements.messages.subscription import subscription_from_proto
from tollkeeper.billing.v1 import customer_service_pb2, subscription_service_pb2, test_clock_service_pb2
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub

# The greatest page that billing gives.
_PAGE = 1_000


class BillingClient:
    """Asks billing.

    Every method raises `TollkeeperError` `DEPENDENCY_UNAVAILABLE` where it cannot be reached.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._customers = CustomerServiceStub(channel)
        self._subscriptions = SubscriptionServiceStub(channel)
        self._clocks = TestClockServiceStub(channel)

    async def get_customer(self, customer_id: str) -> Customer | None:
        """The customer, or None where there is none."""
        request = customer_service_pb2.GetCustomerRequest(customer_id=customer_id)
        response = await answered(self._customers.GetCustomer, request, missing={"CUSTOMER_NOT_FOUND"})
        return None if response is None else customer_from_proto(response.customer)

    async def list_subscriptions(self, customer_id: str) -> Sequence[Subscription]:
        """All subscriptions of the customer, the ended ones too."""
        found: list[Subscription] = []
        token = ""
        while True:
            request = subscription_service_pb2.ListSubscriptionsRequest(
                customer_id=customer_id, page_size=_PAGE, page_token=token
            )
            response = await answered(self._subscriptions.ListSubscriptions, request)
            if response is None:
                return found
            found.extend(subscription_from_proto(message) for message in response.subscriptions)
            token = response.next_page_token
            if not token:
                return found

    async def get_subscription(self, subscription_id: str) -> Subscription | None:
        """The subscription, or None where there is none."""
        request = subscription_service_pb2.GetSubscriptionRequest(subscription_id=subscription_id)
        missing = {"SUBSCRIPTION_NOT_FOUND"}
        response = await answered(self._subscriptions.GetSubscription, request, missing=missing)
        return None if response is None else subscription_from_proto(response.subscription)

    async def get_test_clock(self, clock_id: str) -> TestClock | None:
        """The test clock, or None where there is none."""
        request = test_clock_service_pb2.GetTestClockRequest(test_clock_id=clock_id)
        response = await answered(self._clocks.GetTestClock, request, missing={"TEST_CLOCK_NOT_FOUND"})
        return None if response is None else test_clock_from_proto(response.test_clock)
