"""Metering as a process of its own, for the benchmarks of ingest: what it counts, how it is fed, and the plain way beside it."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from cli import ports
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from kit import migrate
from kit.client import call, open_channel
from tests.bench._ingest_rows import CUSTOMERS, rows
from tests.integration.metering.fakes import Neighbours, neighbours_running
from tests.integration.metering.samples import COUNT, JANUARY, SUM, UNIQUE, metered, monthly, tracker
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.metering.v1.tracker_service_pb2 import RegisterTrackersRequest
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub

# Of 500 events: a round takes one to two seconds.
BATCHES = 160
ROUNDS = 5
# Rows in one transaction of the plain way: the size at which it is fastest.
PLAIN_TOGETHER = 10_000

COUNT_AND_SUM = (metered("departures", COUNT), metered("miles", SUM, "miles"))
AND_UNIQUE = (*COUNT_AND_SUM, metered("aircraft", UNIQUE, "tail"))

_COLUMNS = "(customer_id, timestamp_us, event_name, idempotency_key, resource_id, dimensions)"
_TYPES = """
    customer_id text COLLATE "C" NOT NULL, timestamp_us bigint NOT NULL, event_name text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL, resource_id text COLLATE "C" NOT NULL, dimensions jsonb NOT NULL
"""
_PLAIN = f"""
CREATE TABLE plain ({_TYPES}, PRIMARY KEY (customer_id, idempotency_key));
CREATE INDEX plain_by_time ON plain (customer_id, timestamp_us)
"""
_STAGING = f"CREATE TEMPORARY TABLE plain_staging ({_TYPES}) ON COMMIT DELETE ROWS"
_DEDUPLICATE = f"""
INSERT INTO plain {_COLUMNS} SELECT * FROM plain_staging ORDER BY customer_id, idempotency_key ON CONFLICT DO NOTHING
"""

_runs = itertools.count()


@dataclass(frozen=True, slots=True)
class Place:
    """A running metering.

    Attributes:
        database: As psycopg takes it.
    """

    address: str
    database: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one or more meterings need."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats
    neighbours: Neighbours


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    """A durable PostgreSQL as `tollkeeper up` runs it, NATS, and neighbours that know nobody."""
    with EmbeddedPostgres() as postgres, EmbeddedNats() as nats:
        async with neighbours_running() as neighbours:
            yield Surroundings(postgres, nats, neighbours)


@asynccontextmanager
async def metering(
    around: Surroundings, name: str, features: Sequence[feature_pb2.Feature], *, counted: Sequence[str]
) -> AsyncIterator[Place]:
    """Metering on a database of this name. For every customer trackers by the month count the features named in `counted`."""
    around.postgres.create_databases([name])
    url = around.postgres.url(name)
    await asyncio.to_thread(migrate.upgrade, "metering", url)
    around.neighbours.features.update({feature.id: feature for feature in features})
    environment = {
        "TOLLKEEPER_DATABASE_URL": url,
        "TOLLKEEPER_NATS_URL": around.nats.url,
        "TOLLKEEPER_LISTEN": f"127.0.0.1:{ports.free_port()}",
        "TOLLKEEPER_CATALOG_ADDRESS": around.neighbours.address,
        "TOLLKEEPER_BILLING_ADDRESS": around.neighbours.address,
        "TOLLKEEPER_LOG_LEVEL": "ERROR",
    }
    service = await asyncio.create_subprocess_exec(sys.executable, "-m", "metering", "serve", env=environment)
    try:
        place = Place(environment["TOLLKEEPER_LISTEN"], url.replace("+psycopg", ""))
        await _register(place, [feature.id for feature in features], counted)
        yield place
    finally:
        service.terminate()
        await service.wait()


async def _register(place: Place, features: Sequence[str], counted: Sequence[str]) -> None:
    """A tracker of a customer who sends nothing makes metering learn of the other features."""
    customers = {feature: CUSTOMERS if feature in counted else 1 for feature in features}
    trackers = [
        tracker(feature, monthly(JANUARY), customer=f"carrier-{number}" if feature in counted else "nobody")
        for feature, count in customers.items()
        for number in range(count)
    ]
    async with open_channel(place.address) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
        await call(TrackerServiceStub(channel).RegisterTrackers, RegisterTrackersRequest(trackers=trackers), limit=30)


async def ingest(place: Place, *, batches: int = BATCHES, rate: float = 0) -> float:
    """Events a second that were acknowledged, sent by a process of its own on the same machine.

    With a `rate` no more than so many a second are sent.
    """
    run = f"run-{next(_runs)}"
    arguments = ("-m", "tests.bench._ingest_client", place.address, run, str(batches), str(rate))
    client = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await client.communicate()
    return float(output)


async def plain_insert(place: Place, *, batches: int = BATCHES) -> float:
    """Rows a second of the yardstick: COPY into a staging table and a deduplicating insert, nothing else; one connection."""
    return await asyncio.to_thread(_plain_insert, place.database, f"plain-{next(_runs)}", batches)


def _plain_insert(database: str, run: str, batches: int) -> float:
    lines = [
        f"{row.customer_id}\t{row.seconds * 1_000_000}\tflight.departed\t{row.key}\t\t"
        f'{{"miles":{row.miles:.0f},"tail":"{row.tail}","origin":"{row.origin}"}}\n'
        for number in range(batches)
        for row in rows(run, number)
    ]
    starts = range(0, len(lines), PLAIN_TOGETHER)
    transactions = ["".join(lines[start : start + PLAIN_TOGETHER]).encode() for start in starts]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS plain")
        connection.execute(_PLAIN)
        connection.execute(_STAGING)
        started = time.perf_counter()
        for data in transactions:
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(f"COPY plain_staging {_COLUMNS} FROM STDIN") as copy:
                    copy.write(data)
                cursor.execute(_DEDUPLICATE)
        return len(lines) / (time.perf_counter() - started)
