"""The laws of measuring: a span that is a period measures as its window; parts of a sum add up to the whole."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kernel.quantity import EXACT
from kit.client import call
from kit.proto import timestamp_to_proto
from metering.domain.meter import Aggregation, Meter
from metering.messages.feature import meter_to_proto
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, calculated, metered, report, series, tracker
from tests.properties.metering.strategies import meters
from tests.properties.metering.test_counting_laws import DAILY, DAILY_PROTO, START, Raw, batches, raws
from tollkeeper.common.v1 import period_pb2
from tollkeeper.metering.v1 import tracker_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

HOURS = 8 * 24
_numbers = itertools.count()

# Few examples without shrinking: each is some ten calls, and a failure in minutes is told by none of them.
few = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@few
@given(
    meter=meters,
    events=st.lists(raws, max_size=40),
    cuts=st.tuples(*[st.integers(0, HOURS)] * 3),
    seed=st.integers(0, 2**32),
)
async def test_events(
    metering: Metering, neighbours: Neighbours, *, meter: Meter, events: list[Raw], cuts: tuple[int, ...], seed: int
) -> None:
    feature = f"span-{next(_numbers)}"
    neighbours.features[feature] = metered(feature, COUNT)
    neighbours.features[feature].metered.meter.CopyFrom(meter_to_proto(meter))
    await metering.register(*_trackers(feature))
    for batch in batches(feature, events, Random(seed)):
        await metering.send(*batch)
    await windows_measure_as_their_spans(metering, feature)
    if meter.aggregation in {Aggregation.COUNT, Aggregation.SUM}:
        await parts_add_up(metering, feature, cuts)


@few
@given(
    changes=st.lists(
        st.tuples(st.integers(0, HOURS), st.decimals(0, 1000, places=4), st.sampled_from(["", "R"])), max_size=12
    ),
    cuts=st.tuples(*[st.integers(0, HOURS)] * 3),
)
async def test_reports(
    metering: Metering, neighbours: Neighbours, changes: list[tuple[int, Decimal, str]], cuts: tuple[int, ...]
) -> None:
    feature = f"reported-{next(_numbers)}"
    neighbours.features[feature] = calculated(feature)
    # Decided in the endless period: some changes are from before the first day.
    await metering.register(*_trackers(feature))
    for number, (hour, change, resource) in enumerate(changes):
        at, key = START + timedelta(hours=hour), f"{feature}-{number}"
        await metering.report(report(key, f"{change:f}", feature=feature, customer=feature, resource=resource, at=at))
    await windows_measure_as_their_spans(metering, feature)
    await parts_add_up(metering, feature, cuts)


def _trackers(feature: str) -> list[tracker_pb2.Tracker]:
    """Each feature has a customer of its own, of the same name."""
    return [tracker(feature, DAILY_PROTO, customer=feature, resource=resource) for resource in ("", "R")]


async def windows_measure_as_their_spans(metering: Metering, feature: str) -> None:
    """Each day of the tracker, of the customer and of its resource."""
    for resource in ("", "R"):
        days = [DAILY.period(number) for number in range(8)]
        counted = [
            (await metering.windows(tracker(feature, DAILY_PROTO, customer=feature, resource=resource), at=day.start))[
                0
            ]
            for day in days
        ]
        measured = await _measure(metering, feature, *((day.start, day.end) for day in days), resource=resource)
        assert [one.value for one in measured] == [window.value for window in counted]
        # A ninth day may have the newest one.
        assert {max(one.revision, measured[0].revision) for one in counted} == {one.revision for one in measured}


async def parts_add_up(metering: Metering, feature: str, cuts: tuple[int, ...]) -> None:
    """Two adjacent spans and the whole."""
    start, middle, end = (START + timedelta(hours=hour) for hour in sorted(cuts))
    first, second, whole = await _measure(metering, feature, (start, middle), (middle, end), (start, end))
    assert EXACT.add(Decimal(first.value), Decimal(second.value)) == Decimal(whole.value)


async def _measure(
    metering: Metering, feature: str, *spans: tuple[datetime, datetime], resource: str = ""
) -> list[pb.MeasuredUsage]:
    asked = [
        pb.UsageSpan(
            series=series(feature, feature, resource),
            period=period_pb2.Period(start_time=timestamp_to_proto(start), end_time=timestamp_to_proto(end)),
        )
        for start, end in spans
    ]
    return list((await call(metering.trackers.BatchMeasureUsage, pb.BatchMeasureUsageRequest(spans=asked))).measured)
