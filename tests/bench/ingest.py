"""Raw events a second: durable, deduplicated and counted, beside a plain COPY of the same rows into a bare table."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from cli import ports
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from kit import migrate
from kit.client import call, open_channel
from tests.bench._ingest_rows import BATCH, CUSTOMERS, rows
from tests.bench.yardstick import Measurement, beside
from tests.integration.metering.fakes import neighbours_running
from tests.integration.metering.samples import COUNT, JANUARY, SUM, metered, monthly, tracker
from tollkeeper.metering.v1.tracker_service_pb2 import RegisterTrackersRequest
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub

NAME = "ingest"

# Two to six seconds a round here.
BATCHES = 120
ROUNDS = 5

FEATURES = (metered("departures", COUNT), metered("miles", SUM, "miles"))

_BARE = """
CREATE TABLE bare (
    customer_id text, timestamp_us bigint, event_name text, idempotency_key text, resource_id text, dimensions jsonb
)
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the benchmark runs."""

    address: str
    database: str


async def run() -> list[Measurement]:
    """One `COUNT` and one `SUM` meter with a tracker for each customer; the client on the same machine."""
    runs = itertools.count()
    async with _running() as place:
        await _ingest(place, f"warm-up-{next(runs)}", BATCHES // 4)

        async def measured() -> float:
            return await _ingest(place, f"run-{next(runs)}", BATCHES)

        async def compared() -> float:
            return await asyncio.to_thread(_copy, place.database, f"copy-{next(runs)}")

        return [
            await beside(
                NAME,
                measured,
                unit="events/s",
                yardstick="COPY of the same rows",
                compared=compared,
                rounds=ROUNDS,
                note=f"batches of {BATCH}, three dimensions, COUNT and SUM, client included",
            )
        ]


@asynccontextmanager
async def _running() -> AsyncIterator[_Place]:
    with EmbeddedPostgres() as postgres, EmbeddedNats() as nats:
        postgres.create_databases(["metering"])
        url = postgres.url("metering")
        await asyncio.to_thread(migrate.upgrade, "metering", url)
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(_BARE)
        async with neighbours_running() as neighbours:
            for feature in FEATURES:
                neighbours.features[feature.id] = feature
            environment = {
                "TOLLKEEPER_DATABASE_URL": url,
                "TOLLKEEPER_NATS_URL": nats.url,
                "TOLLKEEPER_LISTEN": f"127.0.0.1:{ports.free_port()}",
                "TOLLKEEPER_CATALOG_ADDRESS": neighbours.address,
                "TOLLKEEPER_BILLING_ADDRESS": neighbours.address,
                "TOLLKEEPER_LOG_LEVEL": "ERROR",
            }
            service = await asyncio.create_subprocess_exec(sys.executable, "-m", "metering", "serve", env=environment)
            try:
                await _register(environment["TOLLKEEPER_LISTEN"])
                yield _Place(environment["TOLLKEEPER_LISTEN"], url)
            finally:
                service.terminate()
                await service.wait()


async def _register(address: str) -> None:
    trackers = [
        tracker(feature, monthly(JANUARY), customer=f"carrier-{number}")
        for feature in ("departures", "miles")
        for number in range(CUSTOMERS)
    ]
    async with open_channel(address) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
        await call(TrackerServiceStub(channel).RegisterTrackers, RegisterTrackersRequest(trackers=trackers), limit=30)


async def _ingest(place: _Place, name: str, batches: int) -> float:
    arguments = ("-m", "tests.bench._ingest_client", place.address, name, str(batches))
    client = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await client.communicate()
    return float(output)


def _copy(url: str, name: str) -> float:
    lines = [
        f"{row.customer_id}\t{row.seconds * 1_000_000}\tflight.departed\t{row.key}\t\t"
        f'{{"miles":{row.miles:.0f},"tail":"{row.tail}","origin":"{row.origin}"}}\n'
        for number in range(BATCHES)
        for row in rows(name, number)
    ]
    data = "".join(lines).encode()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("TRUNCATE bare")
        started = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
            copy.write(data)
        return len(lines) / (time.perf_counter() - started)
