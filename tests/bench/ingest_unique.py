"""Raw events a second with a meter that counts unique values beside `COUNT` and `SUM`."""

from dataclasses import replace
from functools import partial

from tests.bench._ingest_rows import BATCH
from tests.bench._ingest_service import (
    AND_UNIQUE,
    BATCHES,
    ROUNDS,
    ingest,
    metering,
    plain_insert,
    surroundings,
)
from tests.bench.yardstick import Aim, Measurement, beside

NAME = "ingest_unique"


async def run() -> list[Measurement]:
    """Of four thousand tail numbers each customer has 250; a third of a round's events bring one that is new."""
    counted = [feature.id for feature in AND_UNIQUE]
    async with surroundings() as around, metering(around, "metering", AND_UNIQUE, counted=counted) as place:
        await ingest(place, batches=BATCHES // 4)
        measurement = await beside(
            NAME,
            partial(ingest, place),
            unit="events/s",
            yardstick="COPY into staging + deduplicating insert",
            compared=partial(plain_insert, place),
            rounds=ROUNDS,
            note=f"batches of {BATCH}, COUNT, SUM and UNIQUE, client included",
        )
    return [replace(measurement, aim=Aim(30_000, ratio=0.3))]
