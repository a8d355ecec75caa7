"""Billing and its stand-in neighbours, as a test speaks to them."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from billing.clients.metering import Metering
from billing.commands.boundaries import Boundaries
from billing.commands.collecting import ManualCollection
from billing.commands.cross_boundaries import CrossBoundaries
from billing.commands.plans import Plans
from billing.settings import BillingSettings
from billing.store import tables
from kernel.errors import TollkeeperError
from kit.client import call
from kit.db import Database
from kit.errors import CODES, RemoteRefusal
from kit.outbox import Outbox
from kit.proto import timestamp_to_proto
from tests.integration.billing.fakes import FakeCatalog, FakeMetering
from tests.integration.billing.plans import MONTHLY
from tollkeeper.billing.v1 import (
    customer_pb2,
    customer_service_pb2,
    invoice_pb2,
    invoice_service_pb2,
    subscription_pb2,
    subscription_service_pb2,
    test_clock_pb2,
    test_clock_service_pb2,
)
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.invoice_service_pb2_grpc import InvoiceServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub
from tollkeeper.catalog.v1 import charge_pb2


@dataclass(slots=True)
class SettableClock:
    """Real time, as a test sets it."""

    time: datetime

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self.time


@dataclass(slots=True)
class World:
    """A running billing with its neighbours."""

    customers: CustomerServiceStub
    subscriptions: SubscriptionServiceStub
    invoices: InvoiceServiceStub
    clocks: TestClockServiceStub
    catalog: FakeCatalog
    metering: FakeMetering
    real_time: SettableClock
    database: Database
    settings: BillingSettings
    metering_client: Metering
    channel: grpc.aio.Channel

    def boundaries(self) -> Boundaries:
        """Another process's boundaries."""
        return Boundaries(
            self.database,
            Outbox("billing", tables.outbox),
            metering=self.metering_client,
            plans=Plans(),
            collection=ManualCollection(),
        )

    def worker(self) -> CrossBoundaries:
        """Another process's renewal worker, which a test runs batch by batch."""
        return CrossBoundaries(self.database, self.boundaries(), clock=self.real_time, poll_seconds=1)

    async def rows(self, query: str) -> list[tuple[object, ...]]:
        """What a query finds in billing's database."""
        async with self.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]

    async def clock(self, clock_id: str, time: datetime) -> None:
        """Makes a test clock."""
        clock = test_clock_pb2.TestClock(id=clock_id, time=timestamp_to_proto(time))
        await call(self.clocks.CreateTestClock, test_clock_service_pb2.CreateTestClockRequest(test_clock=clock))

    async def advance(self, clock_id: str, target: datetime) -> test_clock_service_pb2.AdvanceTestClockResponse:
        """Moves a test clock."""
        request = test_clock_service_pb2.AdvanceTestClockRequest(
            test_clock_id=clock_id, target_time=timestamp_to_proto(target)
        )
        return await call(self.clocks.AdvanceTestClock, request)

    async def customer(self, customer_id: str, clock_id: str = "", currency: str = "") -> customer_pb2.Customer:
        """Makes a customer."""
        customer = customer_pb2.Customer(id=customer_id, test_clock_id=clock_id, currency=currency)
        request = customer_service_pb2.CreateCustomerRequest(customer=customer)
        return (await call(self.customers.CreateCustomer, request)).customer

    async def get_customer(self, customer_id: str) -> customer_pb2.Customer:
        """A customer as it is."""
        request = customer_service_pb2.GetCustomerRequest(customer_id=customer_id)
        return (await call(self.customers.GetCustomer, request)).customer

    async def provision(
        self,
        customer_id: str,
        plan_id: str,
        *,
        billing_period: charge_pb2.BillingPeriod.ValueType = MONTHLY,
        commitments: dict[str, str] | None = None,
        **more: object,
    ) -> subscription_service_pb2.ProvisionSubscriptionResponse:
        """Provisions a subscription; `more` are further fields of the request."""
        request = subscription_service_pb2.ProvisionSubscriptionRequest(
            customer_id=customer_id,
            plan_id=plan_id,
            billing_period=billing_period,
            commitments=commitments_of(commitments or {}),
            **more,  # type: ignore[arg-type]  # the request's own fields.
        )
        return await call(self.subscriptions.ProvisionSubscription, request)

    async def raise_to(
        self, subscription_id: str, commitments: dict[str, str], **more: object
    ) -> subscription_service_pb2.UpdateCommitmentsResponse:
        """Raises commitments; `more` are further fields of the request."""
        request = subscription_service_pb2.UpdateCommitmentsRequest(
            subscription_id=subscription_id,
            commitments=commitments_of(commitments),
            **more,  # type: ignore[arg-type]  # the request's own fields.
        )
        return await call(self.subscriptions.UpdateCommitments, request)

    async def update(
        self,
        subscription_id: str,
        *,
        commitments: dict[str, str] | None = None,
        add_ons: dict[str, int] | None = None,
        **more: Any,
    ) -> subscription_service_pb2.UpdateSubscriptionResponse:
        """Changes a subscription; `more` are further fields of the request."""
        request = subscription_service_pb2.UpdateSubscriptionRequest(
            subscription_id=subscription_id,
            commitments=commitments_of(commitments or {}),
            add_ons=add_ons_of(add_ons or {}),
            **more,
        )
        return await call(self.subscriptions.UpdateSubscription, request)

    async def end(self, subscription_id: str, **more: Any) -> subscription_service_pb2.CancelSubscriptionResponse:
        """Cancels a subscription; `more` are further fields of the request."""
        request = subscription_service_pb2.CancelSubscriptionRequest(subscription_id=subscription_id, **more)
        return await call(self.subscriptions.CancelSubscription, request)

    async def resume(self, subscription_id: str, **more: Any) -> subscription_service_pb2.ResumeSubscriptionResponse:
        """Takes a scheduled end back; `more` are further fields of the request."""
        request = subscription_service_pb2.ResumeSubscriptionRequest(subscription_id=subscription_id, **more)
        return await call(self.subscriptions.ResumeSubscription, request)

    async def preview_renewal(self, subscription_id: str) -> subscription_service_pb2.PreviewRenewalResponse:
        """What the end of the period would charge."""
        request = subscription_service_pb2.PreviewRenewalRequest(subscription_id=subscription_id)
        return await call(self.subscriptions.PreviewRenewal, request)

    async def cancel(self, subscription_id: str) -> subscription_pb2.Subscription:
        """Schedules a subscription's end."""
        request = subscription_service_pb2.CancelSubscriptionRequest(subscription_id=subscription_id)
        return (await call(self.subscriptions.CancelSubscription, request)).subscription

    async def subscription(self, subscription_id: str) -> subscription_pb2.Subscription:
        """A subscription as it is."""
        request = subscription_service_pb2.GetSubscriptionRequest(subscription_id=subscription_id)
        return (await call(self.subscriptions.GetSubscription, request)).subscription

    async def invoices_of(self, customer_id: str = "") -> list[invoice_pb2.Invoice]:
        """A customer's invoices, or all, in the order of their numbers."""
        request = invoice_service_pb2.ListInvoicesRequest(customer_id=customer_id, page_size=1_000)
        return list((await call(self.invoices.ListInvoices, request)).invoices)


def commitments_of(quantities: dict[str, str]) -> list[subscription_pb2.Commitment]:
    """Commitments by feature id."""
    return [subscription_pb2.Commitment(feature_id=name, quantity=quantity) for name, quantity in quantities.items()]


def add_ons_of(quantities: dict[str, int]) -> list[subscription_pb2.SubscriptionAddOn]:
    """Add-ons by id."""
    return [subscription_pb2.SubscriptionAddOn(add_on_id=name, quantity=number) for name, number in quantities.items()]


def told(invoice: invoice_pb2.Invoice) -> list[tuple[str, str, str]]:
    """An invoice as its lines' types, quantities and amounts."""
    return [
        (
            invoice_pb2.InvoiceLineType.Name(line.type).removeprefix("INVOICE_LINE_TYPE_"),
            line.quantity,
            line.amount.amount,
        )
        for line in invoice.lines
    ]


async def refused(answer: Awaitable[Any]) -> RemoteRefusal:
    """The refusal of a call; that it is answered is a failure."""
    try:
        answered = await answer
    except RemoteRefusal as refusal:
        return refusal
    except TollkeeperError as away:
        return RemoteRefusal(CODES[away.kind], away.reason, away.message, away.metadata)
    raise AssertionError(f"not refused: {answered}")


def derived(line: invoice_pb2.InvoiceLine) -> Decimal:
    """What a line's steps add up to."""
    return sum((Decimal(step.amount) for step in line.derivation), Decimal(0))


def at(time: Timestamp) -> datetime:
    """A timestamp as a time."""
    return time.ToDatetime(UTC)
