"""Usage of any range, from the raw data themselves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from kit.client import call
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, ENDLESS, JANUARY, SUM, UNIQUE, calculated, event, metered, report
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.metering.v1 import usage_service_pb2 as pb
from tollkeeper.metering.v1.usage_service_pb2_grpc import UsageServiceStub

NEW_YORK = ZoneInfo("America/New_York")
YEAR = (datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))


async def query(
    metering: Metering,
    feature: str,
    start: datetime = YEAR[0],
    end: datetime = YEAR[1],
    *,
    by: "pb.Granularity.ValueType" = pb.GRANULARITY_UNSPECIFIED,
    zone: str = "",
    group_by: tuple[str, ...] = (),
    resource: str = "",
) -> pb.QueryUsageResponse:
    """Asks for usage of UA."""
    request = pb.QueryUsageRequest(
        customer_id="UA",
        feature_id=feature,
        resource_id=resource,
        start_time=timestamp_to_proto(start),
        end_time=timestamp_to_proto(end),
        granularity=by,
        time_zone=zone,
        group_by=group_by,
    )
    return await call(UsageServiceStub(metering.channel).QueryUsage, request)


def shown(response: pb.QueryUsageResponse) -> list[tuple[str, str, list[str]]]:
    """Start, value and group of each point."""
    return [(point.period.start_time.ToJsonString(), point.value, list(point.group)) for point in response.points]


async def test_the_whole_range_has_its_one_point_even_without_usage(metering: Metering, neighbours: Neighbours) -> None:
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), metered("aircraft", UNIQUE, "tail")):
        neighbours.features[feature.id] = feature
    for name in ("departures", "miles", "aircraft"):
        response = await query(metering, name)
        assert [(point.value, response.skipped_count) for point in response.points] == [("0", 0)]


async def test_points_are_cut_by_local_days_across_a_clock_change(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    # 10 March 2013 has 23 hours in New York, 3 November 25.
    start = datetime(2013, 3, 9, tzinfo=NEW_YORK)
    at = [start.astimezone(UTC) + timedelta(hours=hour, minutes=30) for hour in range(72)]
    await metering.send(*(event(f"{n}", at=time) for n, time in enumerate(at)))
    response = await query(metering, "departures", by=pb.GRANULARITY_DAY, zone="America/New_York")
    assert shown(response) == [
        ("2013-03-09T05:00:00Z", "24", []),
        ("2013-03-10T05:00:00Z", "23", []),
        ("2013-03-11T04:00:00Z", "24", []),
        ("2013-03-12T04:00:00Z", "1", []),
    ]
    hours = await query(metering, "departures", by=pb.GRANULARITY_HOUR, zone="America/New_York")
    assert [point.value for point in hours.points] == ["1"] * 72
    month = await query(metering, "departures", by=pb.GRANULARITY_MONTH, zone="America/New_York")
    assert [(point.period.start_time.ToJsonString(), point.value) for point in month.points] == [
        ("2013-03-01T05:00:00Z", "72")
    ]
    assert month.points[0].period.end_time.ToJsonString() == "2013-04-01T04:00:00Z"


async def test_periods_are_cut_to_the_range(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    await metering.send(event("1"), event("2", at=JANUARY + timedelta(hours=1)))
    end = JANUARY + timedelta(hours=1)
    (point,) = (await query(metering, "departures", JANUARY, end, by=pb.GRANULARITY_MONTH)).points
    assert (point.period.start_time, point.period.end_time) == (timestamp_to_proto(JANUARY), timestamp_to_proto(end))
    assert point.value == "1"


async def test_groups_are_told_apart_by_text_and_skipped_events_counted(
    metering: Metering, neighbours: Neighbours
) -> None:
    neighbours.features["miles"] = metered("miles", SUM, "miles")
    await metering.send(
        event("1", miles=1, origin="JFK"),
        event("2", miles=Decimal("0.10"), origin="JFK"),
        event("3", miles=5),
        event("4", miles="5", origin="EWR"),
        event("5", origin="EWR"),
        event("6", miles=7, origin=12),
    )
    response = await query(metering, "miles", group_by=("origin",))
    assert [(list(point.group), point.value) for point in response.points] == [
        ([""], "5"),
        (["12"], "7"),
        (["JFK"], "1.1"),
    ]
    assert response.skipped_count == 2


async def test_resources_and_filters_narrow_the_usage(metering: Metering, neighbours: Neighbours) -> None:
    only_jfk = feature_pb2.Filter(
        conditions=[feature_pb2.Condition(field="origin", equals=feature_pb2.Value(string_value="JFK"))]
    )
    neighbours.features["jfk"] = metered("jfk", COUNT, filters=[only_jfk])
    await metering.send(
        event("1", origin="JFK", resource="A"), event("2", origin="JFK", resource="B"), event("3", origin="EWR")
    )
    assert (await query(metering, "jfk")).points[0].value == "2"
    assert (await query(metering, "jfk", resource="A")).points[0].value == "1"


async def test_calculated_usage_is_the_sum_of_its_changes(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["gates"] = calculated("gates")
    await metering.report(
        report("1", "5", recurrence=ENDLESS), report("2", "-2", recurrence=ENDLESS, at=JANUARY + timedelta(days=40))
    )
    response = await query(metering, "gates", by=pb.GRANULARITY_MONTH)
    assert [point.value for point in response.points] == ["5", "-2"]
    with pytest.raises(RemoteRefusal) as refused:
        await query(metering, "gates", group_by=("origin",))
    assert [violation.path for violation in refused.value.violations] == ["group_by"]


async def test_more_points_than_fit_are_refused(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    at = datetime(2012, 1, 1, tzinfo=UTC)
    events = [event(f"{n}", at=at + timedelta(hours=n)) for n in range(10_001)]
    for start in range(0, len(events), 5_000):
        await metering.send(*events[start : start + 5_000])
    with pytest.raises(RemoteRefusal) as refused:
        await query(metering, "departures", at, YEAR[1], by=pb.GRANULARITY_HOUR)
    assert refused.value.reason == "TOO_MANY_POINTS"
    response = await query(metering, "departures", at, at + timedelta(hours=10_000), by=pb.GRANULARITY_HOUR)
    assert len(response.points) == 10_000
    # Wide gaps between events cost nothing.
    await metering.send(event("first", at=datetime(1970, 1, 1, tzinfo=UTC)))
    response = await query(metering, "departures", datetime(1970, 1, 1, tzinfo=UTC), at, by=pb.GRANULARITY_HOUR)
    assert [point.value for point in response.points] == ["1"]


async def test_bad_questions_are_refused_by_name(metering: Metering) -> None:
    request = pb.QueryUsageRequest(customer_id="a b", time_zone="Mars/Olympus", granularity=99, group_by=["a"] * 5)  # type: ignore[arg-type]  # no such granularity.
    with pytest.raises(RemoteRefusal) as refused:
        await call(UsageServiceStub(metering.channel).QueryUsage, request)
    assert {violation.path for violation in refused.value.violations} == {
        "customer_id",
        "feature_id",
        "start_time",
        "end_time",
        "granularity",
        "time_zone",
        "group_by",
    }
