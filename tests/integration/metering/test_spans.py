"""Usage of a series in any span of time, from what is stored."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from kernel.errors import TollkeeperError
from kit.client import call
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import (
    COUNT,
    ENDLESS,
    JANUARY,
    SUM,
    UNIQUE,
    calculated,
    event,
    metered,
    monthly,
    report,
    series,
    tracker,
)
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.common.v1 import period_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

DAY = timedelta(days=1)


def span(feature: str, start: datetime, end: datetime, resource: str = "") -> pb.UsageSpan:
    """A span of UA."""
    period = period_pb2.Period(start_time=timestamp_to_proto(start), end_time=timestamp_to_proto(end))
    return pb.UsageSpan(series=series(feature, resource=resource), period=period)


async def measure(metering: Metering, *spans: pb.UsageSpan) -> Sequence[pb.MeasuredUsage]:
    """Asks for usage in spans."""
    response = await call(metering.trackers.BatchMeasureUsage, pb.BatchMeasureUsageRequest(spans=spans))
    return response.measured


async def values(metering: Metering, *spans: pb.UsageSpan) -> list[str]:
    """The values only."""
    return [measured.value for measured in await measure(metering, *spans)]


async def refused(metering: Metering, *spans: pb.UsageSpan) -> RemoteRefusal:
    """Asks for what is not given."""
    with pytest.raises(RemoteRefusal) as refusal:
        await measure(metering, *spans)
    return refusal.value


async def test_events_are_aggregated_within_the_span_to_the_instant(metering: Metering, neighbours: Neighbours) -> None:
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), metered("aircraft", UNIQUE, "tail")):
        neighbours.features[feature.id] = feature
    noon = JANUARY + timedelta(hours=12)
    await metering.send(
        event("before", at=noon - timedelta(microseconds=1), miles=1000, tail="N0"),
        event("first", at=noon, miles=0.1, tail="N1"),
        event("text", at=noon, miles="7", tail="N1", resource="JFK"),
        event("last", at=noon + DAY - timedelta(microseconds=1), miles=0.2, tail="N2", resource="JFK"),
        event("after", at=noon + DAY, miles=1000, tail="N3"),
    )
    asked = [span(feature, noon, noon + DAY) for feature in ("departures", "miles", "aircraft")]
    assert await values(metering, *asked) == ["3", "0.3", "2"]
    assert await values(metering, *(span(one.series.feature_id, noon, noon + DAY, "JFK") for one in asked)) == [
        "2",
        "0.2",
        "2",
    ]
    # In the order asked for, and nothing where nothing is.
    empty = [span(feature, noon, noon) for feature in ("miles", "aircraft")]
    later = [span(feature, noon + 2 * DAY, noon + 3 * DAY) for feature in ("aircraft", "departures")]
    assert await values(metering, *empty, asked[2], *later, asked[0]) == ["0", "0", "2", "0", "0", "3"]


async def test_calculated_usage_is_the_sum_of_its_changes(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["gates"] = calculated("gates")
    await metering.report(
        report("1", "5.5", recurrence=ENDLESS),
        report("2", "-2.25", recurrence=ENDLESS, at=JANUARY + 40 * DAY),
        report("3", "1", recurrence=ENDLESS, at=JANUARY + 41 * DAY, resource="JFK"),
    )
    start, middle, end = JANUARY, JANUARY + 30 * DAY, JANUARY + 60 * DAY
    spans = [span("gates", start, end), span("gates", start, middle), span("gates", middle, end)]
    assert await values(metering, *spans, span("gates", start, end, "JFK")) == ["4.25", "5.5", "-1.25", "1"]


async def test_the_revision_is_the_newest_of_the_windows_of_the_series(
    metering: Metering, neighbours: Neighbours
) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    year = span("departures", JANUARY, JANUARY + 365 * DAY)
    await metering.send(event("1"))
    # Nothing counts the series yet, and measuring it registers nothing.
    (measured,) = await measure(metering, year)
    assert (measured.value, measured.revision) == ("1", 0)
    with pytest.raises(RemoteRefusal, match="TRACKER_NOT_FOUND"):
        await metering.windows(tracker("departures", ENDLESS), at=JANUARY)
    await metering.register(tracker("departures", monthly()))
    await metering.send(event("2", at=JANUARY + 200 * DAY, resource="JFK"))
    (newest,) = await metering.windows(tracker("departures", monthly()), at=JANUARY + 200 * DAY)
    measured, nothing, elsewhere = await measure(
        metering, year, span("departures", JANUARY, JANUARY), span("departures", JANUARY, JANUARY + DAY, "JFK")
    )
    assert (measured.value, measured.revision) == ("2", newest.revision)
    assert (nothing.value, nothing.revision) == ("0", newest.revision)
    assert (elsewhere.value, elsewhere.revision) == ("0", 0)


async def test_spans_of_one_call_are_measured_at_one_moment(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    await metering.register(tracker("departures", ENDLESS))
    whole = span("departures", JANUARY, JANUARY + 2 * DAY)
    halves = span("departures", JANUARY, JANUARY + DAY), span("departures", JANUARY + DAY, JANUARY + 2 * DAY)

    async def ingest() -> None:
        for number in range(60):
            await metering.send(event(f"{number}", at=JANUARY + timedelta(hours=number % 48)))

    ingesting = asyncio.create_task(ingest())
    revisions = []
    while not ingesting.done():
        first, second, total, again = await measure(metering, *halves, whole, whole)
        assert int(first.value) + int(second.value) == int(total.value) == int(again.value)
        revisions.append((total.revision, int(total.value)))
    await ingesting
    assert revisions == sorted(revisions)
    assert await values(metering, whole) == ["60"]


async def test_bad_spans_are_refused_by_name_all_at_once(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    neighbours.features["sso"] = feature_pb2.Feature(id="sso", boolean=feature_pb2.BooleanFeature(), revision=1)
    ten_years = datetime(2012, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
    assert await values(metering, span("departures", *ten_years)) == ["0"]
    refusal = await refused(
        metering,
        pb.UsageSpan(series=series("a b", customer="", resource="c d")),
        span("departures", JANUARY, JANUARY - DAY),
        pb.UsageSpan(series=series("departures"), period=period_pb2.Period(start_time=timestamp_to_proto(JANUARY))),
        span("departures", ten_years[0], ten_years[1] + 2 * DAY),
    )
    assert refusal.reason == "INVALID_FIELD"
    assert {violation.path for violation in refusal.violations} == {
        "spans[0].series.customer_id",
        "spans[0].series.resource_id",
        "spans[0].series.feature_id",
        "spans[0].period.start_time",
        "spans[0].period.end_time",
        "spans[1].period.end_time",
        "spans[2].period.end_time",
        "spans[3].period.end_time",
    }
    for wrong in ([], [span("departures", JANUARY, JANUARY)] * 101):
        assert [one.path for one in (await refused(metering, *wrong)).violations] == ["spans"]
    assert (await refused(metering, span("nothing", JANUARY, JANUARY))).reason == "FEATURE_NOT_FOUND"
    assert neighbours.asked[-1] == "nothing"
    assert (await refused(metering, span("sso", JANUARY, JANUARY))).reason == "FEATURE_NOT_METERED"
    neighbours.away = True
    with pytest.raises(TollkeeperError, match="DEPENDENCY_UNAVAILABLE"):
        await measure(metering, span("other", JANUARY, JANUARY))
