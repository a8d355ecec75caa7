"""Entitlements as a process of its own between stand-in neighbours, and an echo of the same sizes beside it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from cli import ports
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from kit import broker, migrate
from kit.client import open_channel
from kit.proto import timestamp_from_proto
from kit.rpc import Context
from tests.bench._load import Target
from tests.integration.entitlements.conftest import Neighbours, neighbours_at
from tests.integration.entitlements.fakes import FakeMetering
from tests.integration.entitlements.plans import stock
from tests.integration.entitlements.world import SettableClock, World
from tollkeeper.common.v1 import period_pb2
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1 import tracker_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as tracker_service

# More customers are held than any benchmark asks for.
_HELD = 200_000


class _QuickMetering(FakeMetering):
    """A fake, because the answers of the real one are not what is measured here: every window holds two units, whoever asks."""

    def __init__(self) -> None:
        super().__init__()
        self._periods: dict[bytes, period_pb2.Period] = {}

    async def BatchGetWindows(
        self, request: tracker_service.BatchGetWindowsRequest, _context: Context
    ) -> tracker_service.BatchGetWindowsResponse:
        windows = [self._window(lookup) for lookup in request.lookups]
        return tracker_service.BatchGetWindowsResponse(windows=windows)

    def _window(self, lookup: tracker_service.WindowLookup) -> tracker_pb2.Window:
        tracker = lookup.tracker
        key = tracker.recurrence.SerializeToString()
        period = self._periods.get(key)
        if period is None:
            at = timestamp_from_proto(lookup.time, "time")
            period = self._periods[key] = self.window(tracker.series, tracker.recurrence, at).period
        return tracker_pb2.Window(tracker_id=1, series=tracker.series, value="2", revision=5, period=period)


@dataclass(frozen=True, slots=True)
class Place:
    """A service under measurement.

    Attributes:
        seconds_to_serve: From the start of the process to its first answer.
    """

    address: str
    process: psutil.Process
    world: World
    database_url: str
    seconds_to_serve: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What services need, shared by those that are compared."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats
    neighbours: Neighbours


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    """PostgreSQL, NATS and the neighbours."""
    with EmbeddedPostgres() as postgres, EmbeddedNats() as nats:
        async with neighbours_at(_QuickMetering()) as neighbours:  # type: ignore[abstract]  # the methods that nobody calls.
            yield Surroundings(postgres, nats, neighbours)


async def migrated(around: Surroundings, database: str) -> str:
    """The URL of a new database of the service."""
    around.postgres.create_databases([database])
    url = around.postgres.url(database)
    await asyncio.to_thread(migrate.upgrade, "entitlements", url)
    return url


@asynccontextmanager
async def service(around: Surroundings, database_url: str) -> AsyncIterator[Place]:
    """One replica, in a world with the plans of the tests."""
    address = f"127.0.0.1:{ports.free_port()}"
    neighbours = around.neighbours
    environment = {
        "TOLLKEEPER_DATABASE_URL": database_url,
        "TOLLKEEPER_NATS_URL": around.nats.url,
        "TOLLKEEPER_LISTEN": address,
        "TOLLKEEPER_CATALOG_ADDRESS": neighbours.address,
        "TOLLKEEPER_METERING_ADDRESS": neighbours.address,
        "TOLLKEEPER_BILLING_ADDRESS": neighbours.address,
        "TOLLKEEPER_MAX_HELD_CUSTOMERS": str(_HELD),
        "TOLLKEEPER_LOG_LEVEL": "WARNING",
    }
    clock = asyncio.get_running_loop().time
    began = clock()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "entitlements", "serve", env=environment)
    try:
        async with AsyncExitStack() as stack:
            connected = await broker.connect(around.nats.url, "bench")
            stack.push_async_callback(connected.close)
            channel = await stack.enter_async_context(open_channel(address))
            await asyncio.wait_for(channel.channel_ready(), 30)
            took = clock() - began
            api = EntitlementsServiceStub(channel)
            now = SettableClock(datetime.now(UTC))
            world = World(connected, neighbours.catalog, neighbours.billing, neighbours.metering, now, api)
            stock(world)
            heartbeats = asyncio.create_task(_send_frames(world))
            stack.callback(heartbeats.cancel)
            yield Place(address, psutil.Process(process.pid), world, database_url, took)
    finally:
        process.terminate()
        await process.wait()


async def _send_frames(world: World) -> None:
    """Metering's heartbeats: without them a replica reads the windows that it holds again and again."""
    while True:
        await world.frame()
        await asyncio.sleep(0.1)


@asynccontextmanager
async def echo(target: Target, answer: bytes) -> AsyncIterator[Target]:
    """A bare grpc.aio server that answers the target's requests with the same bytes each time: the yardstick."""
    arguments = ("-m", "tests.bench._echo_server", answer.hex())
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield Target(
            f"127.0.0.1:{port}", "/bare.Echo/Call", target.messages, target.answer, psutil.Process(process.pid)
        )
    finally:
        process.terminate()
        await process.wait()
