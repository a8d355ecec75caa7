"""Raw events a second where ten million of the same customers and times are stored already."""

import asyncio
from dataclasses import replace
from functools import partial

import psycopg

from tests.bench._ingest_rows import CUSTOMERS, MONTH, START
from tests.bench._ingest_service import COUNT_AND_SUM, ROUNDS, Place, ingest, metering, surroundings
from tests.bench.yardstick import Aim, Measurement, beside

NAME = "ingest_10m_stored"

STORED = 10_000_000
# Of 500: long enough that new entries find their places all over the indexes.
BATCHES = 240

# Without its indexes while it is filled; made anew they are as dense as can be, which no table that grew is.
_UNINDEXED = """
ALTER TABLE event_key DROP CONSTRAINT event_key_pkey;
DROP INDEX event_by_time
"""
# As `_ingest_rows` makes them, with keys of their own.
_NUMBERS = """
FROM (SELECT i, i * 2654435761 % 4294967296 AS mixed FROM generate_series({first}::bigint, {last}::bigint - 1) AS i) AS numbers
"""
_CUSTOMER = f"'carrier-' || mixed % {CUSTOMERS}"
_KEY = "'stored-' || mixed % 9000 || '-JFK-' || i"
_TIME = f"({START} + mixed % {MONTH}) * 1000000"
_EVENTS = f"""
INSERT INTO event (customer_id, idempotency_key, timestamp_us, event_name, resource_id, dimensions)
SELECT {_CUSTOMER}, {_KEY}, {_TIME}, 'flight.departed', '',
    ('{{{{"miles":' || 80 + mixed % 4900 || ',"tail":"N' || mixed % 4000 || '","origin":"JFK"}}}}')::jsonb
{_NUMBERS}
"""
_KEYS = (
    f"INSERT INTO event_key (customer_id, idempotency_key, timestamp_us) SELECT {_CUSTOMER}, {_KEY}, {_TIME} {_NUMBERS}"
)
_KEY_INDEX = "ALTER TABLE event_key ADD PRIMARY KEY (customer_id, idempotency_key)"
_TIME_INDEX = "CREATE INDEX event_by_time ON event (customer_id, timestamp_us)"


async def run() -> list[Measurement]:
    """Beside an empty metering of its own, in turn with it."""
    counted = [feature.id for feature in COUNT_AND_SUM]
    async with (
        surroundings() as around,
        metering(around, "empty", COUNT_AND_SUM, counted=counted) as empty,
        metering(around, "full", COUNT_AND_SUM, counted=counted) as full,
    ):
        await _fill(full)
        for place in (empty, full):
            await ingest(place, batches=BATCHES // 4)
        measurement = await beside(
            NAME,
            partial(ingest, full, batches=BATCHES),
            unit="events/s",
            yardstick="ingest",
            compared=partial(ingest, empty, batches=BATCHES),
            rounds=ROUNDS,
            note=f"{STORED:,} events of the same customers and the same month are stored",
        )
    return [replace(measurement, aim=Aim(0, ratio=0.55))]


async def _fill(place: Place) -> None:
    """Straight into the tables, on both cores."""
    await asyncio.to_thread(_execute, place, _UNINDEXED)
    part = STORED * 6 // 10
    await asyncio.gather(
        asyncio.to_thread(_execute, place, _EVENTS.format(first=0, last=part)),
        asyncio.to_thread(_execute, place, _EVENTS.format(first=part, last=STORED), _KEYS.format(first=0, last=STORED)),
    )
    await asyncio.gather(
        asyncio.to_thread(_execute, place, _KEY_INDEX), asyncio.to_thread(_execute, place, _TIME_INDEX)
    )
    await asyncio.to_thread(_execute, place, "ANALYZE", "CHECKPOINT")


def _execute(place: Place, *statements: str) -> None:
    with psycopg.connect(place.database, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off")
        for statement in statements:
            connection.execute(statement.encode())
