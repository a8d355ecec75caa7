"""The four services as they are, all in this process, entitlements twice."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

import billing.wiring
import catalog.wiring
import entitlements.wiring
import metering.wiring
from billing.settings import BillingSettings
from catalog.settings import CatalogSettings
from cli.embedded.nats import EmbeddedNats
from cli.ports import free_port
from entitlements.settings import EntitlementsSettings
from kit.broker import Broker
from kit.client import call, open_channel
from kit.service import running
from metering.settings import MeteringSettings
from tests.conftest import MakeDatabase
from tests.integration.entitlements.giving import Giving
from tollkeeper.billing.v1 import customer_pb2, customer_service_pb2, subscription_pb2, subscription_service_pb2
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub
from tollkeeper.catalog.v1 import charge_pb2
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.decision_pb2 import Decision
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1 import event_pb2, event_service_pb2
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub


@dataclass
class Platform:
    """Four services, entitlements twice."""

    catalog: CatalogServiceStub
    customers: CustomerServiceStub
    subscriptions: SubscriptionServiceStub
    clocks: TestClockServiceStub
    events: EventServiceStub
    replicas: list[EntitlementsServiceStub]
    giving: list[Giving]
    keys: "count[int]"

    async def provision(self, customer_id: str, gates: str) -> str:
        """A customer with so many gates; a token of both writes."""
        made = customer_service_pb2.CreateCustomerRequest(customer=customer_pb2.Customer(id=customer_id))
        await call(self.customers.CreateCustomer, made)
        request = subscription_service_pb2.ProvisionSubscriptionRequest(
            customer_id=customer_id,
            plan_id="carrier",
            subscription_id=f"sub-{customer_id}",
            billing_period=charge_pb2.BILLING_PERIOD_MONTHLY,
            commitments=[subscription_pb2.Commitment(feature_id="gates", quantity=gates)],
        )
        return (await call(self.subscriptions.ProvisionSubscription, request)).token

    async def commit(self, customer_id: str, gates: str) -> str:
        """More gates; a token of the write."""
        request = subscription_service_pb2.UpdateCommitmentsRequest(
            subscription_id=f"sub-{customer_id}",
            commitments=[subscription_pb2.Commitment(feature_id="gates", quantity=gates)],
        )
        return (await call(self.subscriptions.UpdateCommitments, request)).token

    async def fly(self, customer_id: str, *, miles: str) -> str:
        """One raw event; a token of the write."""
        event = event_pb2.Event(
            event_name="flight.departed",
            customer_id=customer_id,
            idempotency_key=f"flight-{next(self.keys)}",
            dimensions={"miles": event_pb2.Value(decimal_value=miles)},
        )
        request = event_service_pb2.ReportEventsRequest(events=[event])
        return (await call(self.events.ReportEvents, request)).token

    async def check(self, customer_id: str, feature_id: str, *tokens: str, replica: int = 0) -> Decision:
        """The decision of a replica."""
        request = pb.CheckEntitlementRequest(customer_id=customer_id, feature_id=feature_id)
        if tokens:
            request.consistency.at_least_as_fresh.tokens.extend(tokens)
        return (await call(self.replicas[replica].CheckEntitlement, request)).decision

    async def enforce(
        self, customer_id: str, value: str, *tokens: str, replica: int = 0, **fields: Any
    ) -> pb.ReportUsageResponse:
        """What became of the report."""
        request = pb.ReportUsageRequest(
            customer_id=customer_id,
            feature_id="gates",
            value=value,
            enforcement=pb.ENFORCEMENT_ENFORCE,
            idempotency_key=f"report-{next(self.keys)}",
            **fields,
        )
        if tokens:
            request.consistency.at_least_as_fresh.tokens.extend(tokens)
        return await call(self.replicas[replica].ReportUsage, request)


@pytest.fixture
async def platform(
    make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker, resources: AsyncExitStack
) -> Platform:
    """Everything real; the catalog is empty."""
    # Metering and billing ask each other: each must know where the other will be.
    names = ("catalog", "metering", "billing")
    at = {name: f"127.0.0.1:{free_port()}" for name in names}
    common: dict[str, Any] = {"nats_url": nats_server.url, "drain_seconds": 1}
    addresses: dict[str, Any] = {f"{name}_address": address for name, address in at.items()}
    settings: list[tuple[str, Any, Callable[..., Any]]] = [
        ("catalog", CatalogSettings, catalog.wiring.wire),
        ("metering", MeteringSettings, metering.wiring.wire),
        ("billing", BillingSettings, billing.wiring.wire),
    ]
    for name, kind, wire in settings:
        chosen = kind(database_url=make_database(name), listen=at[name], **common, **addresses)
        await resources.enter_async_context(running(name, chosen, wire))
    entitled = EntitlementsSettings(
        database_url=make_database("entitlements"), listen="127.0.0.1:0", **common, **addresses
    )
    channels = {name: await resources.enter_async_context(open_channel(at[name])) for name in names}
    replicas, giving = [], []
    for _ in range(2):
        port = await resources.enter_async_context(running("entitlements", entitled, entitlements.wiring.wire))
        channel = await resources.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        replicas.append(EntitlementsServiceStub(channel))
        giving.append(Giving.through(channel))
    return Platform(
        CatalogServiceStub(channels["catalog"]),
        CustomerServiceStub(channels["billing"]),
        SubscriptionServiceStub(channels["billing"]),
        TestClockServiceStub(channels["billing"]),
        EventServiceStub(channels["metering"]),
        replicas,
        giving,
        count(),
    )
