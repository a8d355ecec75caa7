"""The worked example of the service's README, as it is written there."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from kit.client import call
from kit.proto import timestamp_to_proto
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import (
    AVG,
    COUNT,
    ENDLESS,
    JANUARY,
    LATEST,
    MAX,
    MIN,
    SET,
    SUM,
    UNIQUE,
    calculated,
    event,
    metered,
    monthly,
    report,
    tracker,
)
from tests.integration.metering.test_retractions import retract
from tests.integration.metering.test_spans import span, values
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.metering.v1 import tracker_service_pb2, usage_service_pb2
from tollkeeper.metering.v1.usage_service_pb2_grpc import UsageServiceStub

FEATURES = ("departures", "miles", "aircraft")


def new_york(*when: int) -> datetime:
    """A local time."""
    return datetime(2013, *when, tzinfo=ZoneInfo("America/New_York"))  # type: ignore[misc, arg-type]  # month, day, hour, minute.


SENT = [
    event("UA-1", at=new_york(1, 31, 23, 59), miles=1400, tail="N1"),
    event("UA-2", at=new_york(2, 1), miles=0.1, tail="N1"),
    event("UA-3", at=new_york(2, 1, 9), miles=0.2, tail="N1"),
    event("UA-4", at=new_york(2, 1, 10), miles="12", tail="N2"),
    event("UA-3", at=new_york(2, 2, 10), miles=5000, tail="N9"),
]


@pytest.mark.parametrize("registered_first", [True, False])
async def test_united_flies_from_new_york(
    metering: Metering, neighbours: Neighbours, *, registered_first: bool
) -> None:
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), metered("aircraft", UNIQUE, "tail")):
        neighbours.features[feature.id] = feature
    trackers = [tracker(feature, monthly(new_york(1, 1))) for feature in FEATURES]
    if registered_first:
        await metering.register(*trackers)
    response = await metering.send(*SENT)
    assert (response.new_count, response.duplicate_count) == (4, 1)
    for sent in reversed(SENT):
        assert (await metering.send(sent)).duplicate_count == 1
    await metering.register(*trackers)
    january = await metering.windows(*trackers, at=new_york(1, 31, 23, 59))
    february = await metering.windows(*trackers, at=new_york(2, 1))
    assert [window.value for window in january] == ["1", "1400", "1"]
    assert [window.value for window in february] == ["3", "0.3", "2"]
    request = usage_service_pb2.QueryUsageRequest(
        customer_id="UA",
        feature_id="miles",
        start_time=timestamp_to_proto(new_york(1, 1)),
        end_time=timestamp_to_proto(new_york(3, 1)),
    )
    usage = await call(UsageServiceStub(metering.channel).QueryUsage, request)
    assert (usage.points[0].value, usage.skipped_count) == ("1400.3", 1)
    start, middle, end = new_york(1, 31, 23, 59), new_york(2, 1, 9), new_york(3, 1)
    spans = [(start, middle), (middle, end), (start, end)]
    miles = [span("miles", *one) for one in spans]
    # UA-4, which flew after the middle, had another tail.
    tails = [
        span("aircraft", *one) for one in ((start, middle), (middle, new_york(2, 1, 10)), (start, new_york(2, 1, 10)))
    ]
    assert await values(metering, *miles) == ["1400.1", "0.2", "1400.3"]
    assert await values(metering, *tails) == ["1", "1", "1"]
    for key, left in (("UA-2", ["2", "0.2", "2"]), ("UA-3", ["1", "0", "1"])):
        await retract(metering, key)
        assert [window.value for window in await metering.windows(*trackers, at=new_york(2, 1))] == left
    assert (await metering.send(*SENT)).duplicate_count == 5


async def test_miles_metered_otherwise(metering: Metering, neighbours: Neighbours) -> None:
    expected = {MAX: ["1400", "0.2", "1400"], MIN: ["1400", "0.1", "0.1"], LATEST: ["1400", "0.2", "0.2"]}
    expected[AVG] = ["1400", "0.15", "466.766666666667"]
    for aggregation in expected:
        neighbours.features[f"miles-{aggregation}"] = metered(f"miles-{aggregation}", aggregation, "miles")
    await metering.send(*SENT)
    start, middle, end = new_york(1, 1), new_york(2, 1), new_york(3, 1)
    for aggregation, shown in expected.items():
        month = tracker(f"miles-{aggregation}", monthly(start))
        await metering.register(month)
        spans = [span(f"miles-{aggregation}", *one) for one in ((start, middle), (middle, end), (start, end))]
        assert await values(metering, *spans) == shown
        assert [await metering.value(month, at) for at in (start, middle)] == shown[:2]


async def test_filters_say_of_one_dimension(metering: Metering, neighbours: Neighbours) -> None:
    one = feature_pb2.Value(number_value="1")
    test = partial(feature_pb2.Condition, field="tail")
    conditions = [
        (test(equals=one), "1"),
        (test(not_equals=one), "4"),
        (test(contains="1"), "3"),
        (test(starts_with="N"), "1"),
        (test(ends_with="1"), "3"),
        (test(greater_than_or_equal="1"), "1"),
        (test(less_than="1"), "0"),
        (test(is_set=True), "5"),
        (test(is_set=False), "1"),
    ]
    features = [f"matching-{number}" for number in range(len(conditions))]
    for feature, (condition, _) in zip(features, conditions, strict=True):
        only = feature_pb2.Filter(conditions=[condition])
        neighbours.features[feature] = metered(feature, COUNT, filters=[only])
    await metering.register(*(tracker(feature, ENDLESS) for feature in features))
    for number, tail in enumerate(("N1", "n1", "1", 1, True)):
        await metering.send(event(f"{number}", tail=tail))
    await metering.send(event("missing"))
    await metering.register(*(tracker(feature, monthly()) for feature in features))
    for periods in (ENDLESS, monthly()):
        found = await metering.windows(*(tracker(feature, periods) for feature in features), at=JANUARY)
        assert [window.value for window in found] == [yes for _, yes in conditions]


async def test_the_airport_reports_gates(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["gates"] = calculated("gates")
    verdict = tracker_service_pb2.ReportVerdict
    story = [
        (report("a", "18", limit="20", limit_revision=7), "WRITTEN", "18"),
        (report("b", "3", limit="20", limit_revision=7), "LIMIT_EXCEEDED", "18"),
        (report("b", "2", limit="20", limit_revision=7), "WRITTEN", "20"),
        (report("a", "18", limit="20", limit_revision=7), "REPEATED", "18"),
        (report("a", "19", limit="20", limit_revision=7), "KEY_REUSED", "20"),
        (report("c", "-21", limit="20", limit_revision=7), "BELOW_ZERO", "20"),
        (report("c", "-5", limit="20", limit_revision=7), "WRITTEN", "15"),
        (report("d", "20", behavior=SET, limit="20", limit_revision=7), "WRITTEN", "20"),
        (report("e", "1", limit="30", limit_revision=6), "STALE_LIMIT", "20"),
    ]
    for sent, name, gates in story:
        (outcome,) = await metering.report(sent)
        assert (verdict.Name(outcome.verdict), outcome.window.value) == (f"REPORT_VERDICT_{name}", gates)
