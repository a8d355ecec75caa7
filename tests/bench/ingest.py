"""Raw events a second: durable, deduplicated and counted, beside a deduplicating insert of the same rows and nothing else."""

from dataclasses import replace
from functools import partial

from tests.bench._ingest_rows import BATCH
from tests.bench._ingest_service import (
    BATCHES,
    COUNT_AND_SUM,
    ROUNDS,
    ingest,
    metering,
    plain_insert,
    surroundings,
)
from tests.bench.yardstick import Aim, Measurement, beside

NAME = "ingest"


async def run() -> list[Measurement]:
    """One `COUNT` and one `SUM` meter with a tracker for each customer; the client on the same machine."""
    async with (
        surroundings() as around,
        metering(around, "metering", COUNT_AND_SUM, counted=["departures", "miles"]) as place,
    ):
        await ingest(place, batches=BATCHES // 4)
        measurement = await beside(
            NAME,
            partial(ingest, place),
            unit="events/s",
            yardstick="COPY into staging + deduplicating insert",
            compared=partial(plain_insert, place),
            rounds=ROUNDS,
            note=f"batches of {BATCH}, three dimensions, COUNT and SUM, client included",
        )
    return [replace(measurement, aim=Aim(45_000, ratio=0.45))]
