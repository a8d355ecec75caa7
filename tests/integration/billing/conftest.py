"""Billing as a running service, in this process, on a real database and broker, with stand-in neighbours."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import pytest

from billing.clients.metering import Metering
from billing.settings import BillingSettings
from billing.wiring import wire_by
from cli.embedded.nats import EmbeddedNats
from kit.broker import Broker
from kit.client import open_channel
from kit.db import Database
from kit.rpc import Registration, Server
from kit.service import running
from tests.conftest import MakeDatabase
from tests.integration.billing.fakes import FakeCatalog, FakeMetering
from tests.integration.billing.world import SettableClock, World
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.invoice_service_pb2_grpc import InvoiceServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub
from tollkeeper.catalog.v1.coupon_service_pb2_grpc import add_CouponServiceServicer_to_server
from tollkeeper.catalog.v1.plan_service_pb2_grpc import add_PlanServiceServicer_to_server
from tollkeeper.metering.v1.tracker_service_pb2_grpc import add_TrackerServiceServicer_to_server


@pytest.fixture
async def world(
    make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker, resources: AsyncExitStack
) -> AsyncIterator[World]:
    """Billing with stand-in neighbours, at noon of 15 January 2013."""
    catalog = FakeCatalog()  # type: ignore[abstract]  # it answers what billing asks, and nothing else.
    metering = FakeMetering()  # type: ignore[abstract]  # likewise.
    real_time = SettableClock(datetime(2013, 1, 15, 12, tzinfo=UTC))
    address = await _serve_neighbours(catalog, metering, resources)
    settings = BillingSettings(
        database_url=make_database("billing"),
        nats_url=nats_server.url,
        listen="127.0.0.1:0",
        drain_seconds=1,
        catalog_address=address,
        metering_address=address,
        renewal_poll_seconds=3_600,
        recovery_poll_seconds=3_600,
    )
    database = Database(settings.database_url)
    resources.push_async_callback(database.close)
    wire = partial(wire_by, real_time)
    async with running("billing", settings, wire) as port, open_channel(f"127.0.0.1:{port}") as channel:
        yield World(
            CustomerServiceStub(channel),
            SubscriptionServiceStub(channel),
            InvoiceServiceStub(channel),
            TestClockServiceStub(channel),
            catalog,
            metering,
            real_time,
            database,
            settings,
            Metering(await resources.enter_async_context(open_channel(address))),
            channel,
        )


async def _serve_neighbours(catalog: FakeCatalog, metering: FakeMetering, resources: AsyncExitStack) -> str:
    registrations = [
        Registration(
            "tollkeeper.catalog.v1.PlanService",
            partial(add_PlanServiceServicer_to_server, catalog),
        ),
        Registration(
            "tollkeeper.catalog.v1.CouponService",
            partial(add_CouponServiceServicer_to_server, catalog),
        ),
        Registration(
            "tollkeeper.metering.v1.TrackerService",
            partial(add_TrackerServiceServicer_to_server, metering),
        ),
    ]
    server = Server("neighbours", "127.0.0.1:0", registrations, max_concurrent=100)
    await server.start()
    resources.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{server.port}"
