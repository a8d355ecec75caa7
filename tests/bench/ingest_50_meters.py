"""Raw events a second with fifty meters defined, of which two match each event."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tests.bench._ingest_service import BATCHES, COUNT_AND_SUM, ROUNDS, ingest, metering, surroundings
from tests.bench.yardstick import Aim, Measurement, beside
from tests.integration.metering.samples import COUNT, metered
from tollkeeper.catalog.v1 import feature_pb2

NAME = "ingest_50_meters"


async def run() -> list[Measurement]:
    """Beside a metering of its own with the two meters alone, in turn with it."""
    counted = [feature.id for feature in COUNT_AND_SUM]
    async with (
        surroundings() as around,
        metering(around, "two", COUNT_AND_SUM, counted=counted) as two,
        metering(around, "fifty", (*COUNT_AND_SUM, *_others()), counted=counted) as fifty,
    ):
        for place in (two, fifty):
            await ingest(place, batches=BATCHES // 4)
        measurement = await beside(
            NAME,
            partial(ingest, fifty),
            unit="events/s",
            yardstick="ingest",
            compared=partial(ingest, two),
            rounds=ROUNDS,
            note="of 48 meters that do not match, 24 are for other events and 24 for other origins",
        )
    return [replace(measurement, aim=Aim(0, ratio=0.7))]


def _others() -> Sequence[feature_pb2.Feature]:
    names = [metered(f"other-{number}", COUNT, names=[f"flight.other-{number}"]) for number in range(24)]
    origins = []
    for number in range(24):
        elsewhere = feature_pb2.Condition(field="origin", equals=feature_pb2.Value(string_value=f"A{number}"))
        filters = [feature_pb2.Filter(conditions=[elsewhere])]
        origins.append(metered(f"from-{number}", COUNT, filters=filters))
    return [*names, *origins]
