"""Billing's Stripe client against a running imitation of Stripe over HTTP, and Stripe's messages to a running listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import pytest
from aiohttp import web
from pydantic import SecretStr
from stripe import HTTPClient

from billing.clients import stripe_provider
from billing.clients.metering import Metering
from billing.clients.stripe_events import StripeEvents
from billing.clients.stripe_provider import StripeProvider
from billing.commands.collect_due import CollectDue
from billing.commands.cross_boundaries import CrossBoundaries
from billing.consumers.payment_webhooks import PATH, PaymentWebhooks
from billing.settings import BillingSettings
from billing.wiring import wire_by
from cli.embedded.nats import EmbeddedNats
from kit.broker import Broker
from kit.client import open_channel
from kit.db import Database
from kit.rpc import Registration, Server
from kit.service import Parts, running
from tests.conftest import MakeDatabase
from tests.integration.billing.collection.shop import Shop
from tests.integration.billing.collection.told import Told
from tests.integration.billing.fakes import FakeCatalog, FakeMetering
from tests.integration.billing.stripe_imitation import WEBHOOK_SECRET, StripeImitation
from tests.integration.billing.stripe_wire import SECRET_KEY
from tests.integration.billing.world import SettableClock, World
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.invoice_service_pb2_grpc import InvoiceServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import add_PlanServiceServicer_to_server
from tollkeeper.metering.v1.tracker_service_pb2_grpc import add_TrackerServiceServicer_to_server

W = TypeVar("W")


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The official client waits half a second and more before it tries again; not here."""
    monkeypatch.setattr(HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(HTTPClient, "MAX_DELAY", 0)


@pytest.fixture
async def stripe(resources: AsyncExitStack) -> StripeImitation:
    """The imitation, listening."""
    imitation = StripeImitation()
    runner = web.AppRunner(imitation.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    resources.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    imitation.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return imitation


@pytest.fixture
async def provider(stripe: StripeImitation, resources: AsyncExitStack) -> StripeProvider:
    """Billing's client, which tries only once: what trying again does is the official client's, and has its own test."""
    made = StripeProvider(SECRET_KEY, api_base=stripe.base, retries=0)
    resources.push_async_callback(made.close)
    return made


@pytest.fixture
async def told(stripe: StripeImitation) -> AsyncIterator[Told]:
    """What Stripe's messages told: the listener's receiver."""
    receiver = Told()
    webhooks = PaymentWebhooks("127.0.0.1:0", StripeEvents(WEBHOOK_SECRET), receiver)
    listening = asyncio.create_task(webhooks.run())
    port = await webhooks.port()
    stripe.endpoint = f"http://127.0.0.1:{port}{PATH}"
    yield receiver
    while not listening.done():
        listening.cancel()
        await asyncio.wait([listening], timeout=0.5)


@pytest.fixture
def short_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that hangs is given up after half a second instead of a minute."""
    monkeypatch.setattr(stripe_provider, "_CALL_SECONDS", 0.5)


@pytest.fixture
def overrides() -> dict[str, Any]:
    """Settings that a test chooses otherwise."""
    return {}


@pytest.fixture
async def shop(
    make_database: MakeDatabase,
    nats_server: EmbeddedNats,
    broker: Broker,
    stripe: StripeImitation,
    *,
    resources: AsyncExitStack,
    overrides: dict[str, Any],
) -> AsyncIterator[Shop]:
    """Billing with stand-in neighbours and Stripe, at noon of 15 January 2013; a test drives its workers."""
    catalog = FakeCatalog()  # type: ignore[abstract]  # it answers what billing asks, and nothing else.
    metering = FakeMetering()  # type: ignore[abstract]  # likewise.
    address = await _serve_neighbours(catalog, metering, resources)
    real_time = SettableClock(datetime(2013, 1, 15, 12, tzinfo=UTC))
    settings = _settings(make_database("billing"), nats_server.url, address, stripe).model_copy(update=overrides)
    wired: list[Parts] = []

    async def wire(settings: BillingSettings, stack: AsyncExitStack) -> Parts:
        wired.append(await wire_by(real_time, settings, stack))
        return wired[0]

    database = Database(settings.database_url)
    resources.push_async_callback(database.close)
    metering_client = Metering(await resources.enter_async_context(open_channel(address)))
    async with running("billing", settings, wire) as port, open_channel(f"127.0.0.1:{port}") as channel:
        due, crossing = _worker(wired[0], CollectDue), _worker(wired[0], CrossBoundaries)
        webhooks = _worker(wired[0], PaymentWebhooks)
        if webhooks is not None:
            stripe.endpoint = f"http://127.0.0.1:{await webhooks.port()}{PATH}"
        world = World(
            CustomerServiceStub(channel),
            SubscriptionServiceStub(channel),
            InvoiceServiceStub(channel),
            TestClockServiceStub(channel),
            catalog,
            metering,
            real_time,
            database,
            settings,
            metering_client,
            channel,
        )
        yield Shop(world, stripe, due, crossing, broker)


def _worker(parts: Parts, kind: type[W]) -> W | None:
    return next((worker for worker in parts.workers if isinstance(worker, kind)), None)


def _settings(database_url: str, nats_url: str, neighbours: str, stripe: StripeImitation) -> BillingSettings:
    return BillingSettings(
        database_url=database_url,
        nats_url=nats_url,
        listen="127.0.0.1:0",
        drain_seconds=1,
        catalog_address=neighbours,
        metering_address=neighbours,
        renewal_poll_seconds=3_600,
        recovery_poll_seconds=3_600,
        collection_poll_seconds=3_600,
        stripe_secret_key=SecretStr(SECRET_KEY),
        stripe_webhook_secret=SecretStr(WEBHOOK_SECRET),
        stripe_api_base=stripe.base,
        webhook_listen="127.0.0.1:0",
    )


async def _serve_neighbours(catalog: FakeCatalog, metering: FakeMetering, resources: AsyncExitStack) -> str:
    registrations = [
        Registration("tollkeeper.catalog.v1.PlanService", partial(add_PlanServiceServicer_to_server, catalog)),
        Registration("tollkeeper.metering.v1.TrackerService", partial(add_TrackerServiceServicer_to_server, metering)),
    ]
    server = Server("neighbours", "127.0.0.1:0", registrations, max_concurrent=100)
    await server.start()
    resources.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{server.port}"
