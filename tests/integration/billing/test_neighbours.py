"""Billing between its real neighbours, all in this process: a published plan, raw events, and the invoices of both."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest

from billing.settings import BillingSettings
from billing.wiring import wire as wire_billing
from catalog.settings import CatalogSettings
from catalog.wiring import wire as wire_catalog
from cli.embedded.nats import EmbeddedNats
from cli.ports import free_port
from kit.broker import Broker
from kit.client import call, open_channel
from kit.proto import timestamp_to_proto
from kit.service import running
from metering.settings import MeteringSettings
from metering.wiring import wire as wire_metering
from tests.conftest import MakeDatabase
from tests.integration.billing.plans import departures, gates
from tests.integration.billing.world import commitments_of, refused, told
from tollkeeper.billing.v1 import (
    customer_pb2,
    customer_service_pb2,
    invoice_pb2,
    invoice_service_pb2,
    subscription_service_pb2,
    test_clock_pb2,
    test_clock_service_pb2,
)
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.invoice_service_pb2_grpc import InvoiceServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub as ClockStub
from tollkeeper.catalog.v1 import (
    charge_pb2,
    feature_pb2,
    feature_service_pb2,
    plan_pb2,
    plan_service_pb2,
    product_pb2,
    product_service_pb2,
)
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub
from tollkeeper.catalog.v1.product_service_pb2_grpc import ProductServiceStub
from tollkeeper.metering.v1 import event_pb2, event_service_pb2
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(slots=True)
class Platform:
    """The three services, by their channels."""

    catalog: grpc.aio.Channel
    metering: grpc.aio.Channel
    billing: grpc.aio.Channel


@pytest.fixture
async def platform(
    make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker, resources: AsyncExitStack
) -> Platform:
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("catalog", "metering", "billing")}
    common = {"nats_url": nats_server.url, "drain_seconds": 1}
    given = {f"{name}_address": address for name, address in addresses.items()}

    def fields(name: str) -> dict[str, Any]:
        return common | given | {"database_url": make_database(name), "listen": addresses[name]}

    await resources.enter_async_context(running("catalog", CatalogSettings(**fields("catalog")), wire_catalog))
    await resources.enter_async_context(running("metering", MeteringSettings(**fields("metering")), wire_metering))
    await resources.enter_async_context(running("billing", BillingSettings(**fields("billing")), wire_billing))
    channels = [await resources.enter_async_context(open_channel(address)) for address in addresses.values()]
    return Platform(*channels)


async def publish(catalog: grpc.aio.Channel) -> None:
    """The airport with its airline plan: gates committed in advance, departures billed by usage."""
    metered = feature_pb2.MeteredFeature(
        usage_behavior=feature_pb2.USAGE_BEHAVIOR_FLUCTUATING,
        usage_source=feature_pb2.USAGE_SOURCE_CALCULATED,
        unit_singular="gate",
    )
    counted = feature_pb2.MeteredFeature(
        usage_behavior=feature_pb2.USAGE_BEHAVIOR_INCREMENTAL,
        usage_source=feature_pb2.USAGE_SOURCE_EVENTS,
        meter=feature_pb2.Meter(event_names=["flight.departed"], aggregation=feature_pb2.AGGREGATION_COUNT),
        unit_singular="departure",
    )
    create_product = product_service_pb2.CreateProductRequest(product=product_pb2.Product(id="airport"))
    await call(ProductServiceStub(catalog).CreateProduct, create_product)
    for feature in (
        feature_pb2.Feature(id="gates", display_name="Gates", metered=metered),
        feature_pb2.Feature(id="departures", display_name="Departures", metered=counted),
    ):
        await call(FeatureServiceStub(catalog).CreateFeature, feature_service_pb2.CreateFeatureRequest(feature=feature))
    plans = PlanServiceStub(catalog)
    plan = plan_pb2.Plan(id="airline", product_id="airport", display_name="Airline")
    await call(plans.CreatePlan, plan_service_pb2.CreatePlanRequest(plan=plan))
    content = plan_pb2.PlanContent(pricing_type=plan_pb2.PRICING_TYPE_PAID, charges=[gates(), departures()])
    await call(plans.SavePlanDraft, plan_service_pb2.SavePlanDraftRequest(plan_id="airline", content=content))
    await call(plans.PublishPlan, plan_service_pb2.PublishPlanRequest(plan_id="airline"))


async def depart(metering: grpc.aio.Channel, at: datetime, *, count: int) -> None:
    """That many departures of UA, a second apart."""
    events = [
        event_pb2.Event(
            event_name="flight.departed",
            customer_id="UA",
            idempotency_key=f"{at.isoformat()}-{i}",
            timestamp=timestamp_to_proto(at.replace(second=i % 60, minute=i // 60)),
        )
        for i in range(count)
    ]
    await call(EventServiceStub(metering).ReportEvents, event_service_pb2.ReportEventsRequest(events=events))


def provisioning(plan_id: str) -> subscription_service_pb2.ProvisionSubscriptionRequest:
    return subscription_service_pb2.ProvisionSubscriptionRequest(
        customer_id="UA",
        plan_id=plan_id,
        billing_period=charge_pb2.BILLING_PERIOD_MONTHLY,
        commitments=commitments_of({"gates": "20"}),
        time_zone="America/New_York",
    )


async def test_the_first_two_invoices(platform: Platform) -> None:
    clocks, subscriptions = ClockStub(platform.billing), SubscriptionServiceStub(platform.billing)
    clock = test_clock_pb2.TestClock(id="2013", time=timestamp_to_proto(datetime(2013, 1, 1, tzinfo=NEW_YORK)))
    await call(clocks.CreateTestClock, test_clock_service_pb2.CreateTestClockRequest(test_clock=clock))
    customer = customer_pb2.Customer(id="UA", test_clock_id="2013")
    create = customer_service_pb2.CreateCustomerRequest(customer=customer)
    await call(CustomerServiceStub(platform.billing).CreateCustomer, create)

    assert (
        await refused(call(subscriptions.ProvisionSubscription, provisioning("airline")))
    ).reason == "PLAN_NOT_FOUND"
    await publish(platform.catalog)
    # Departures from before the subscription are in no period of it; those from its first instant on are.
    await depart(platform.metering, datetime(2012, 12, 31, 23, tzinfo=NEW_YORK), count=3)
    await depart(platform.metering, datetime(2013, 1, 1, tzinfo=NEW_YORK), count=1001)
    provisioned = await call(subscriptions.ProvisionSubscription, provisioning("airline"))
    assert told(provisioned.invoice) == [("COMMITMENT", "20", "298.00")]

    async def advance(month: int, day: int = 1, hour: int = 0) -> invoice_pb2.Invoice:
        target = timestamp_to_proto(datetime(2013, month, day, hour, tzinfo=NEW_YORK))
        request = test_clock_service_pb2.AdvanceTestClockRequest(test_clock_id="2013", target_time=target)
        answer = await call(clocks.AdvanceTestClock, request)
        assert answer.test_clock.time.ToDatetime(UTC) == target.ToDatetime(UTC)
        listing = invoice_service_pb2.ListInvoicesRequest(customer_id="UA")
        return (await call(InvoiceServiceStub(platform.billing).ListInvoices, listing)).invoices[-1]

    # Events may lie a day ahead of the clock, and no more.
    await advance(1, 31, 12)
    await depart(platform.metering, datetime(2013, 1, 31, 23, tzinfo=NEW_YORK), count=1000)
    await depart(platform.metering, datetime(2013, 2, 1, tzinfo=NEW_YORK), count=5)

    assert told(await advance(2)) == [("COMMITMENT", "20", "298.00"), ("USAGE", "2001", "15.00")]
    await depart(platform.metering, datetime(2013, 1, 15, tzinfo=NEW_YORK), count=1000)
    assert told(await advance(3)) == [
        ("COMMITMENT", "20", "298.00"),
        ("USAGE", "5", "5.00"),
        ("LATE_USAGE", "3001", "5.00"),
    ]


async def test_a_plan_without_a_version_is_not_published(platform: Platform) -> None:
    create = customer_service_pb2.CreateCustomerRequest(customer=customer_pb2.Customer(id="UA"))
    await call(CustomerServiceStub(platform.billing).CreateCustomer, create)
    product = product_service_pb2.CreateProductRequest(product=product_pb2.Product(id="airport"))
    await call(ProductServiceStub(platform.catalog).CreateProduct, product)
    plan = plan_pb2.Plan(id="draft", product_id="airport")
    await call(PlanServiceStub(platform.catalog).CreatePlan, plan_service_pb2.CreatePlanRequest(plan=plan))
    provision = SubscriptionServiceStub(platform.billing).ProvisionSubscription
    assert (await refused(call(provision, provisioning("draft")))).reason == "PLAN_NOT_PUBLISHED"
