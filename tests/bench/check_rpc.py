"""`CheckEntitlement` over gRPC, full answer, everything on, beside a bare grpc.aio echo of the same message sizes."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

import psutil

from cli import ports
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from kit import broker, migrate
from kit.client import call, open_channel
from tests.bench.yardstick import Measurement
from tests.integration.entitlements.conftest import neighbours_at
from tests.integration.entitlements.plans import stock
from tests.integration.entitlements.world import SettableClock, World
from tollkeeper.entitlements.v1.entitlements_service_pb2 import CheckEntitlementRequest, CheckEntitlementResponse
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub

NAME = "check_rpc"

CUSTOMERS = 100
ROUNDS = 5
SECONDS = 3.0
# Enough that the server never waits for a call, and few enough that it is not the queue that is measured.
CONNECTIONS = 4
STREAMS = 16

_METHOD = "/tollkeeper.entitlements.v1.EntitlementsService/CheckEntitlement"


@dataclass(frozen=True, slots=True)
class _Target:
    """A server under load."""

    address: str
    method: str
    messages: Sequence[bytes]
    process: psutil.Process


@dataclass(frozen=True, slots=True)
class _Round:
    """What a round found.

    Attributes:
        rate: Calls a second.
        cpu: Microseconds of the server's processor time a call.
    """

    rate: float
    cpu: float


async def run() -> list[Measurement]:
    """Calls a second and the server's processor time a call, both beside the echo's; latency at half the rate."""
    async with AsyncExitStack() as stack:
        check, answer = await stack.enter_async_context(_service())
        echo = await stack.enter_async_context(_echo(check, answer))
        await _round(check, seconds=1)
        await _round(echo, seconds=1)
        echoes, checks = [], []
        for _ in range(ROUNDS):
            echoes.append(await _round(echo))
            checks.append(await _round(check))
        rate = median(one.rate for one in checks)
        calm = await _load(check, SECONDS, rate / 2)
    note = f"full answer of {len(answer)} bytes; at half the rate p50 {calm['p50']:,.0f} µs, p99 {calm['p99']:,.0f} µs"
    pairs = list(zip(checks, echoes, strict=True))
    return [
        Measurement(
            NAME,
            rate,
            "calls/s",
            "bare grpc.aio echo",
            median(one.rate for one in echoes),
            median(one.rate / yard.rate for one, yard in pairs),
            note,
        ),
        Measurement(
            f"{NAME}_cpu",
            median(one.cpu for one in checks),
            "µs of server CPU a call",
            "bare grpc.aio echo",
            median(one.cpu for one in echoes),
            median(one.cpu / yard.cpu for one, yard in pairs),
            "less is better",
        ),
    ]


async def _round(target: _Target, seconds: float = SECONDS) -> _Round:
    before = target.process.cpu_times()
    found = await _load(target, seconds, 0)
    after = target.process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return _Round(found["rate"], used / found["calls"] * 1e6)


async def _load(target: _Target, seconds: float, rate: float) -> dict[str, float]:
    arguments = (target.address, target.method, str(seconds), str(CONNECTIONS), str(STREAMS), str(rate))
    generator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench._h2_load", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await generator.communicate("\n".join(message.hex() for message in target.messages).encode())
    found: dict[str, float] = json.loads(output)
    assert not found["failed"], "every call must be answered, or the figure means nothing"
    return found


@asynccontextmanager
async def _service() -> AsyncIterator[tuple[_Target, bytes]]:
    """The service as a process of its own with its customers held, and one of its answers."""
    async with AsyncExitStack() as stack:
        postgres, nats = stack.enter_context(EmbeddedPostgres()), stack.enter_context(EmbeddedNats())
        postgres.create_databases(["entitlements"])
        url = postgres.url("entitlements")
        await asyncio.to_thread(migrate.upgrade, "entitlements", url)
        neighbours = await stack.enter_async_context(neighbours_at())
        address = f"127.0.0.1:{ports.free_port()}"
        environment = {
            "TOLLKEEPER_DATABASE_URL": url,
            "TOLLKEEPER_NATS_URL": nats.url,
            "TOLLKEEPER_LISTEN": address,
            "TOLLKEEPER_CATALOG_ADDRESS": neighbours.address,
            "TOLLKEEPER_METERING_ADDRESS": neighbours.address,
            "TOLLKEEPER_BILLING_ADDRESS": neighbours.address,
        }
        service = await asyncio.create_subprocess_exec(sys.executable, "-m", "entitlements", "serve", env=environment)
        try:
            connected = await broker.connect(nats.url, "bench")
            stack.push_async_callback(connected.close)
            channel = await stack.enter_async_context(open_channel(address))
            await asyncio.wait_for(channel.channel_ready(), 30)
            api = EntitlementsServiceStub(channel)
            clock = SettableClock(datetime.now(UTC))
            world = World(connected, neighbours.catalog, neighbours.billing, neighbours.metering, clock, api)
            stock(world)
            messages, answer = await _hold_customers(world, clock.now() - timedelta(days=3))
            yield _Target(address, _METHOD, messages, psutil.Process(service.pid)), answer
        finally:
            service.terminate()
            await service.wait()


async def _hold_customers(world: World, start: datetime) -> tuple[Sequence[bytes], bytes]:
    """Loads every customer into the service; the requests, and one answer."""
    requests = []
    response = CheckEntitlementResponse()
    for number in range(CUSTOMERS):
        customer_id = f"customer-{number:04}"
        await world.customer(customer_id, announced=False)
        await world.subscribe(customer_id, "carrier", start=start, announced=False)
        request = CheckEntitlementRequest(customer_id=customer_id, feature_id="calls")
        response = await call(world.api.CheckEntitlement, request, limit=30)
        assert response.decision.granted
        requests.append(request.SerializeToString())
    return requests, response.SerializeToString()


@asynccontextmanager
async def _echo(check: _Target, answer: bytes) -> AsyncIterator[_Target]:
    arguments = ("-m", "tests.bench._echo_server", answer.hex())
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield _Target(f"127.0.0.1:{port}", "/bare.Echo/Call", check.messages, psutil.Process(process.pid))
    finally:
        process.terminate()
        await process.wait()
