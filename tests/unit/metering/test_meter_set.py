"""All meters together over a batch."""

from decimal import Decimal

from metering.domain.event_batch import EventBatch
from metering.domain.feature import Feature, UsageSource
from metering.domain.gathered import Dated
from metering.domain.meter import Aggregation, Equals, Meter
from metering.domain.meter_set import MeterSet, measure, meter_set, without_rows
from metering.domain.series import Series


def feature(name: str, meter: Meter | None) -> Feature:
    """A feature of the catalog."""
    return Feature(name, UsageSource.EVENTS if meter else UsageSource.CALCULATED, meter, 1)


METERS: MeterSet = meter_set(
    7,
    [
        feature("departures", Meter(("departed",), (), Aggregation.COUNT, "")),
        feature("miles", Meter(("departed", "diverted"), (), Aggregation.SUM, "miles")),
        feature("far", Meter(("departed",), ((Equals("far", True),),), Aggregation.UNIQUE, "tail")),
        feature("gates", None),
    ],
)

BATCH = EventBatch(
    customer_ids=["UA", "UA", "UA", "AA", "UA"],
    event_names=["departed", "departed", "diverted", "departed", "canceled"],
    idempotency_keys=["1", "2", "3", "1", "4"],
    resource_ids=["", "JFK", "", "JFK", ""],
    times=[10, 20, 30, 40, 50],
    dimensions=[{"miles": 1, "far": True, "tail": "N1"}, {"miles": "1"}, {"miles": Decimal("0.5")}, {}, {"miles": 9}],
    dimension_texts=["{}"] * 5,
)


def test_each_event_counts_for_its_series_and_a_resource_for_its_customer_too() -> None:
    usage = measure(METERS, BATCH)
    found = {tuple(series): (one.times, one.values, one.rows) for series, one in usage.items()}
    assert found == {
        ("UA", "", "departures"): ([10, 20], [1, 1], [0, 1]),
        ("UA", "JFK", "departures"): ([20], [1], [1]),
        ("AA", "", "departures"): ([40], [1], [3]),
        ("AA", "JFK", "departures"): ([40], [1], [3]),
        ("UA", "", "miles"): ([10, 30], [1, Decimal("0.5")], [0, 2]),
        ("UA", "", "far"): ([10], ["N1"], [0]),
    }
    assert (METERS.version, METERS.aggregations["far"]) == (7, Aggregation.UNIQUE)


def test_the_latest_number_is_read_with_its_event() -> None:
    meters = meter_set(1, [feature("fuel", Meter(("departed", "diverted"), (), Aggregation.LATEST, "miles"))])
    found = {tuple(series): (one.values, one.rows) for series, one in measure(meters, BATCH).items()}
    assert found == {("UA", "", "fuel"): ([Dated(10, "1", 1), Dated(30, "3", Decimal("0.5"))], [0, 2])}


def test_rows_that_came_too_late_are_left_out() -> None:
    usage = without_rows(measure(METERS, BATCH), frozenset({0, 3}))
    assert {tuple(series): one.rows for series, one in usage.items()} == {
        ("UA", "", "departures"): [1],
        ("UA", "JFK", "departures"): [1],
        ("UA", "", "miles"): [2],
    }


def test_the_whole_of_a_series_is_its_customer() -> None:
    assert Series("UA", "JFK", "gates").whole == Series("UA", "", "gates")
