"""Entitlements between its real neighbours, all in this process: what the fakes promise, the real ones keep."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
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
from tests.integration.entitlements.plans import limited
from tests.integration.entitlements.world import reason
from tollkeeper.billing.v1 import customer_pb2, customer_service_pb2, subscription_pb2, subscription_service_pb2
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.catalog.v1 import catalog_service_pb2, charge_pb2, entitlement_pb2, feature_pb2, plan_pb2, product_pb2
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.decision_pb2 import Decision
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1 import event_pb2, event_service_pb2
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub


@dataclass
class Platform:
    """Four services, entitlements twice."""

    customers: CustomerServiceStub
    subscriptions: SubscriptionServiceStub
    events: EventServiceStub
    replicas: list[EntitlementsServiceStub]
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


def _catalog() -> catalog_service_pb2.ApplyCatalogRequest:
    gates = feature_pb2.MeteredFeature(
        usage_behavior=feature_pb2.USAGE_BEHAVIOR_FLUCTUATING,
        usage_source=feature_pb2.USAGE_SOURCE_CALCULATED,
        unit_singular="gate",
    )
    miles = feature_pb2.MeteredFeature(
        usage_behavior=feature_pb2.USAGE_BEHAVIOR_INCREMENTAL,
        usage_source=feature_pb2.USAGE_SOURCE_EVENTS,
        unit_singular="mile",
        meter=feature_pb2.Meter(
            event_names=["flight.departed"], aggregation=feature_pb2.AGGREGATION_SUM, field="miles"
        ),
    )
    charge = charge_pb2.Charge(
        id="gates",
        feature_id="gates",
        billing_model=charge_pb2.BILLING_MODEL_PER_UNIT,
        pricing_model=charge_pb2.PRICING_MODEL_FLAT_RATE,
        prices=[charge_pb2.Price(billing_period=charge_pb2.BILLING_PERIOD_MONTHLY, currency="USD", amount="1")],
    )
    monthly = entitlement_pb2.UsageReset(interval=entitlement_pb2.RESET_INTERVAL_BILLING_PERIOD)
    content = plan_pb2.PlanContent(
        pricing_type=plan_pb2.PRICING_TYPE_PAID,
        entitlements=[limited("miles", "1000", reset=monthly)],
        charges=[charge],
    )
    plan = plan_pb2.Plan(id="carrier", product_id="new-york")
    return catalog_service_pb2.ApplyCatalogRequest(
        features=[feature_pb2.Feature(id="gates", metered=gates), feature_pb2.Feature(id="miles", metered=miles)],
        products=[product_pb2.Product(id="new-york")],
        plans=[catalog_service_pb2.PlanDocument(plan=plan, content=content)],
    )


@pytest.fixture
async def platform(
    make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker, resources: AsyncExitStack
) -> Platform:
    """Everything real, with the catalog applied."""
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
    replicas = []
    for _ in range(2):
        port = await resources.enter_async_context(running("entitlements", entitled, entitlements.wiring.wire))
        channel = await resources.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        replicas.append(EntitlementsServiceStub(channel))
    await call(CatalogServiceStub(channels["catalog"]).ApplyCatalog, _catalog())
    return Platform(
        CustomerServiceStub(channels["billing"]),
        SubscriptionServiceStub(channels["billing"]),
        EventServiceStub(channels["metering"]),
        replicas,
        count(),
    )


async def test_the_story_between_real_neighbours(platform: Platform) -> None:
    token = await platform.provision("united", "20")
    for replica in (0, 1):
        assert (await platform.check("united", "gates", token, replica=replica)).limit == "20"

    # 64 callers through two replicas: exactly the limit is written.
    answers = await asyncio.gather(*(platform.enforce("united", "1", replica=n % 2) for n in range(64)))
    assert sum(answer.written for answer in answers) == 20
    assert {reason(answer.decision) for answer in answers if not answer.written} == {"LIMIT_EXCEEDED"}

    # Raised while both race: one knows by a token, the other is told by metering that it is behind.
    raised = await platform.commit("united", "30")
    answers = await asyncio.gather(
        *(platform.enforce("united", "1", *([] if n % 2 else [raised]), replica=n % 2) for n in range(64))
    )
    assert sum(answer.written for answer in answers) == 10
    tokens = [answer.token for answer in answers if answer.written]
    for replica in (0, 1):
        decision = await platform.check("united", "gates", raised, *tokens, replica=replica)
        assert (decision.limit, decision.granted) == ("30", False)

    # A resource's reports count for the customer, whose limit it is.
    lowered = await platform.enforce("united", "-5")
    assert lowered.usage == "25"
    north = await platform.enforce("united", "4", resource_id="north")
    assert (north.written, north.usage) == (True, "29")
    assert not (await platform.enforce("united", "2", resource_id="south")).written


async def test_reports_and_events_are_never_stale_under_their_token_on_either_replica(platform: Platform) -> None:
    token = await platform.provision("united", "1000")
    miles = 0
    for number in range(1, 41):
        writer, reader = number % 2, (number + 1) % 2
        answer = await platform.enforce("united", "1", token, replica=writer)
        assert (await platform.check("united", "gates", replica=writer)).usage == str(number)
        assert (await platform.check("united", "gates", answer.token, replica=reader)).usage == str(number)
        miles += number
        flown = await platform.fly("united", miles=str(number))
        assert (await platform.check("united", "miles", token, flown, replica=reader)).usage == str(miles)


async def test_raw_events_are_seen_within_a_second_without_any_token(platform: Platform) -> None:
    token = await platform.provision("united", "3")
    for replica in (0, 1):
        await platform.check("united", "miles", token, replica=replica)
    delays = []
    for number in range(1, 11):
        await platform.fly("united", miles="1")
        acknowledged = time.monotonic()
        for replica in (0, 1):
            while (await platform.check("united", "miles", replica=replica)).usage != str(number):
                pass
        delays.append(time.monotonic() - acknowledged)
    assert sorted(delays)[len(delays) // 2] < 1
    decision = await platform.check("united", "miles")
    assert abs((datetime.now(UTC) - decision.as_of.ToDatetime(UTC)).total_seconds()) < 10
