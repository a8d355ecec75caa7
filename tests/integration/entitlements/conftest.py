"""Entitlements as a running service, in this process, on a real database and broker, between stand-in neighbours."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import grpc
import psycopg
import pytest
from sqlalchemy.engine import make_url

from cli.embedded.nats import EmbeddedNats
from entitlements.settings import EntitlementsSettings
from entitlements.wiring import wire_by
from kit.broker import Broker
from kit.client import open_channel
from kit.rpc import Registration, Server
from kit.service import running
from tests.conftest import MakeDatabase
from tests.integration.entitlements.fakes import FakeBilling, FakeCatalog, FakeMetering
from tests.integration.entitlements.plans import stock
from tests.integration.entitlements.world import START, SettableClock, World
from tollkeeper.billing.v1.customer_service_pb2_grpc import add_CustomerServiceServicer_to_server
from tollkeeper.billing.v1.subscription_service_pb2_grpc import add_SubscriptionServiceServicer_to_server
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import add_TestClockServiceServicer_to_server
from tollkeeper.catalog.v1.feature_service_pb2_grpc import add_FeatureServiceServicer_to_server
from tollkeeper.catalog.v1.plan_service_pb2_grpc import add_PlanServiceServicer_to_server
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1.tracker_service_pb2_grpc import add_TrackerServiceServicer_to_server


@dataclass(frozen=True)
class Neighbours:
    """The stand-ins, and the address of all three."""

    catalog: FakeCatalog
    billing: FakeBilling
    metering: FakeMetering
    address: str


DatabaseAway = Callable[[], AbstractAsyncContextManager[None]]
Replica = Callable[[], AbstractAsyncContextManager[grpc.aio.Channel]]
ReplicaAt = Callable[[], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def neighbours_at(metering: FakeMetering | None = None) -> AsyncIterator[Neighbours]:
    """The stand-ins, listening; with a metering of one's own if there is one."""
    catalog = FakeCatalog()  # type: ignore[abstract]  # the methods that entitlements never calls.
    billing = FakeBilling()  # type: ignore[abstract]  # the same.
    metering = metering or FakeMetering()  # type: ignore[abstract]  # the same.
    adding = {
        "tollkeeper.catalog.v1.FeatureService": partial(add_FeatureServiceServicer_to_server, catalog),
        "tollkeeper.catalog.v1.PlanService": partial(add_PlanServiceServicer_to_server, catalog),
        "tollkeeper.billing.v1.CustomerService": partial(add_CustomerServiceServicer_to_server, billing),
        "tollkeeper.billing.v1.SubscriptionService": partial(add_SubscriptionServiceServicer_to_server, billing),
        "tollkeeper.billing.v1.TestClockService": partial(add_TestClockServiceServicer_to_server, billing),
        "tollkeeper.metering.v1.TrackerService": partial(add_TrackerServiceServicer_to_server, metering),
    }
    registrations = [Registration(name, add) for name, add in adding.items()]
    server = Server("neighbours", "127.0.0.1:0", registrations, max_concurrent=1_000)
    await server.start()
    try:
        yield Neighbours(catalog, billing, metering, f"127.0.0.1:{server.port}")
    finally:
        await server.stop(0)


@pytest.fixture
async def neighbours() -> AsyncIterator[Neighbours]:
    """The stand-ins."""
    async with neighbours_at() as running_there:
        yield running_there


@pytest.fixture
def database_url(make_database: MakeDatabase) -> str:
    """The service's own database."""
    return make_database("entitlements")


@pytest.fixture
def database_away(database_url: str) -> DatabaseAway:
    """Takes the database away within a block: its connections end, and no new one is let in."""
    url = make_url(database_url).set(drivername="postgresql")
    elsewhere = url.set(database="postgres").render_as_string(hide_password=False)

    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        async with await psycopg.AsyncConnection.connect(elsewhere, autocommit=True) as connection:
            await connection.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            await connection.execute(ending, (url.database,))
            try:
                yield
            finally:
                await connection.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')

    return away


@pytest.fixture
def real_time() -> SettableClock:
    """What time it is."""
    return SettableClock(START)


@pytest.fixture
def replica_at(
    neighbours: Neighbours,
    database_url: str,
    nats_server: EmbeddedNats,
    broker: Broker,
    real_time: SettableClock,
) -> ReplicaAt:
    """Starts one more replica of the service, and gives its address; all share one database."""
    address = neighbours.address
    settings = EntitlementsSettings(
        database_url=database_url,
        nats_url=nats_server.url,
        listen="127.0.0.1:0",
        drain_seconds=1,
        catalog_address=address,
        billing_address=address,
        metering_address=address,
        max_held_customers=50,
    )

    @asynccontextmanager
    async def started() -> AsyncIterator[str]:
        async with running("entitlements", settings, partial(wire_by, real_time)) as port:
            yield f"127.0.0.1:{port}"

    return started


@pytest.fixture
def replica(replica_at: ReplicaAt) -> Replica:
    """The same, and gives a channel to it."""

    @asynccontextmanager
    async def started() -> AsyncIterator[grpc.aio.Channel]:
        async with replica_at() as address, open_channel(address) as channel:
            yield channel

    return started


@pytest.fixture
async def world(
    neighbours: Neighbours,
    broker: Broker,
    real_time: SettableClock,
    replica: Replica,
) -> AsyncIterator[World]:
    """One replica, in a world with some features and plans."""
    async with replica() as channel:
        api = EntitlementsServiceStub(channel)
        world = World(broker, neighbours.catalog, neighbours.billing, neighbours.metering, real_time, api)
        stock(world)
        yield world
