"""A test clock with its customers on the running platform, in short verbs that speak the contract's words."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc

from calls import Tokens, Tollkeeper, call, timestamp
from cli import apply_run
from cli.catalog_file import read_catalog_file
from cli.local_platform import Platform
from kit.errors import refusal_of
from tollkeeper.billing.v1.customer_pb2 import Customer
from tollkeeper.billing.v1.customer_service_pb2 import CreateCustomerRequest, GetCustomerRequest
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.invoice_service_pb2 import ListInvoicesRequest
from tollkeeper.billing.v1.subscription_pb2 import Commitment, Subscription
from tollkeeper.billing.v1.subscription_service_pb2 import (
    CancelSubscriptionRequest,
    CancelSubscriptionResponse,
    GetSubscriptionRequest,
    ProvisionSubscriptionRequest,
    ProvisionSubscriptionResponse,
    UpdateCommitmentsRequest,
    UpdateCommitmentsResponse,
)
from tollkeeper.billing.v1.test_clock_pb2 import TestClock
from tollkeeper.billing.v1.test_clock_service_pb2 import AdvanceTestClockRequest, CreateTestClockRequest
from tollkeeper.catalog.v1.charge_pb2 import BILLING_PERIOD_MONTHLY, BillingPeriod
from tollkeeper.common.v1.update_behavior_pb2 import UPDATE_BEHAVIOR_DELTA, UpdateBehavior
from tollkeeper.entitlements.v1.decision_pb2 import Decision
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    ENFORCEMENT_RECORD,
    CheckEntitlementRequest,
    Enforcement,
    ListEntitlementsRequest,
    ReportUsageRequest,
    ReportUsageResponse,
)
from tollkeeper.metering.v1.event_pb2 import Event, Value
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest, ReportEventsResponse
from tollkeeper.metering.v1.usage_service_pb2 import QueryUsageRequest, QueryUsageResponse


@dataclass(slots=True)
class Scenario:
    """Everything in it is named after it, so that many live side by side on one platform.

    Attributes:
        api: The stubs.
        name: Begins the ids of its clock and its customers.
        zone: Of its times and its subscriptions.
    """

    api: Tollkeeper
    name: str
    zone: ZoneInfo
    tokens: Tokens = field(default_factory=Tokens)
    _numbers: "count[int]" = field(default_factory=count)

    def at(  # noqa: PLR0917 - times are written from the year on.
        self, year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
    ) -> datetime:
        """A local time."""
        return datetime(year, month, day, hour, minute, second, tzinfo=self.zone)

    async def begin(self, *time: int) -> None:
        """The clock stands at this local time."""
        await self.begin_at(self.at(*time))

    async def begin_at(self, time: datetime) -> None:
        """The clock stands at this time."""
        clock = TestClock(id=self.name, time=timestamp(time))
        answer = await call(self.api.clocks.CreateTestClock, CreateTestClockRequest(test_clock=clock))
        self.tokens.keep("clock", answer.token)

    async def advance(self, *time: int) -> None:
        """The clock moves to this local time, and what was due on the way is done."""
        await self.advance_to(self.at(*time))

    async def advance_to(self, time: datetime) -> None:
        """The clock moves to this time."""
        request = AdvanceTestClockRequest(test_clock_id=self.name, target_time=timestamp(time))
        self.tokens.keep("clock", (await call(self.api.clocks.AdvanceTestClock, request)).token)

    async def customer(self, name: str = "customer", *, currency: str = "USD") -> str:
        """A new customer on the clock; its id."""
        customer = Customer(id=f"{self.name}-{name}", currency=currency, test_clock_id=self.name)
        answer = await call(self.api.customers.CreateCustomer, CreateCustomerRequest(customer=customer))
        self.tokens.keep("customer", answer.token, customer_id=customer.id)
        return customer.id

    async def subscribe(
        self,
        customer: str,
        plan: str,
        *,
        commitments: Mapping[str, str] | None = None,
        billing_period: "BillingPeriod.ValueType" = BILLING_PERIOD_MONTHLY,
        **fields: Any,
    ) -> ProvisionSubscriptionResponse:
        """The customer subscribes now; further fields are the request's own."""
        request = ProvisionSubscriptionRequest(
            customer_id=customer,
            plan_id=plan,
            billing_period=billing_period,
            commitments=_commitments(commitments or {}),
            time_zone=self.zone.key,
            **fields,
        )
        answer = await call(self.api.subscriptions.ProvisionSubscription, request)
        self.tokens.keep("subscription", answer.token, customer_id=customer)
        return answer

    async def commit(
        self, customer: str, subscription: str, commitments: Mapping[str, str], **fields: Any
    ) -> UpdateCommitmentsResponse:
        """The customer raises its commitments now."""
        request = UpdateCommitmentsRequest(
            subscription_id=subscription, commitments=_commitments(commitments), **fields
        )
        answer = await call(self.api.subscriptions.UpdateCommitments, request)
        self.tokens.keep("subscription", answer.token, customer_id=customer)
        return answer

    async def cancel(self, customer: str, subscription: str) -> CancelSubscriptionResponse:
        """The subscription ends with its period."""
        request = CancelSubscriptionRequest(subscription_id=subscription)
        answer = await call(self.api.subscriptions.CancelSubscription, request)
        self.tokens.keep("subscription", answer.token, customer_id=customer)
        return answer

    async def subscription(self, subscription: str) -> Subscription:
        """As it is now."""
        request = GetSubscriptionRequest(subscription_id=subscription)
        return (await call(self.api.subscriptions.GetSubscription, request)).subscription

    def event(self, customer: str, name: str, time: datetime, *, key: str = "", **dimensions: Value) -> Event:
        """A raw event; without a key it gets one of its own."""
        return Event(
            event_name=name,
            customer_id=customer,
            idempotency_key=key or f"{self.name}-{next(self._numbers)}",
            timestamp=timestamp(time),
            dimensions=dimensions,
        )

    async def send(self, *events: Event) -> ReportEventsResponse:
        """Reports the events in one batch."""
        answer = await call(self.api.events.ReportEvents, ReportEventsRequest(events=events))
        for customer in {event.customer_id for event in events}:
            self.tokens.keep("events", answer.token, customer_id=customer)
        return answer

    async def report(
        self,
        customer: str,
        feature: str,
        value: str,
        *,
        enforcement: "Enforcement.ValueType" = ENFORCEMENT_RECORD,
        update_behavior: "UpdateBehavior.ValueType" = UPDATE_BEHAVIOR_DELTA,
        key: str = "",
    ) -> ReportUsageResponse:
        """Reports calculated usage."""
        request = ReportUsageRequest(
            customer_id=customer,
            feature_id=feature,
            value=value,
            enforcement=enforcement,
            update_behavior=update_behavior,
            idempotency_key=key or f"{self.name}-{next(self._numbers)}",
            consistency=self.tokens.of(customer),
        )
        answer = await call(self.api.entitlements.ReportUsage, request)
        self.tokens.keep(f"usage of {feature}", answer.token, customer_id=customer)
        return answer

    async def check(self, customer: str, feature: str, *, requested: str = "", values: Iterable[str] = ()) -> Decision:
        """Asks with every token so far."""
        request = CheckEntitlementRequest(
            customer_id=customer,
            feature_id=feature,
            requested_usage=requested,
            requested_values=values,
            consistency=self.tokens.of(customer),
        )
        return (await call(self.api.entitlements.CheckEntitlement, request)).decision

    async def entitlements(self, customer: str) -> dict[str, Decision]:
        """All of the customer's, by feature, with every token so far."""
        request = ListEntitlementsRequest(customer_id=customer, consistency=self.tokens.of(customer))
        answer = await call(self.api.entitlements.ListEntitlements, request)
        return {decision.feature_id: decision for decision in answer.decisions}

    async def usage(
        self, customer: str, feature: str, start: datetime, end: datetime, **fields: Any
    ) -> QueryUsageResponse:
        """The usage of a range, as metering computes it from what it keeps."""
        request = QueryUsageRequest(
            customer_id=customer,
            feature_id=feature,
            start_time=timestamp(start),
            end_time=timestamp(end),
            time_zone=self.zone.key,
            **fields,
        )
        return await call(self.api.usage.QueryUsage, request)

    async def invoices(self, customer: str) -> list[Invoice]:
        """The customer's, in the order of their numbers."""
        request = ListInvoicesRequest(customer_id=customer, page_size=1000)
        return list((await call(self.api.invoices.ListInvoices, request)).invoices)

    async def credit(self, customer: str) -> dict[str, str]:
        """The customer's credit balances by currency."""
        answer = await call(self.api.customers.GetCustomer, GetCustomerRequest(customer_id=customer))
        return {balance.currency: balance.amount for balance in answer.customer.credit_balances}


async def apply_file(platform: Platform, file: Path) -> None:
    """As `tollkeeper apply` does."""
    address = platform.addresses["catalog"]
    billing = platform.addresses["billing"]
    await apply_run.run(
        read_catalog_file(file), name=file.name, address=address, billing=billing, dry_run=False, ask=False
    )


NewScenario = Callable[..., Scenario]

_numbers = count(1)


def scenario_maker(api: Tollkeeper) -> NewScenario:
    """Makes scenarios in a time zone, by default UTC; the name of each is used nowhere else."""

    def made(zone: str = "UTC") -> Scenario:
        return Scenario(api, f"scenario{next(_numbers)}", ZoneInfo(zone))

    return made


def _commitments(quantities: Mapping[str, str]) -> list[Commitment]:
    return [Commitment(feature_id=feature, quantity=quantity) for feature, quantity in quantities.items()]


def text(value: str) -> Value:
    """A dimension's text."""
    return Value(string_value=value)


def number(value: float) -> Value:
    """A dimension's number."""
    return Value(number_value=value)


async def refused(answer: Awaitable[object]) -> str:
    """The reason for which the call is refused; that it is not is a failure."""
    try:
        answered = await answer
    except grpc.aio.AioRpcError as error:
        return refusal_of(error).reason
    raise AssertionError(f"not refused: {answered}")
