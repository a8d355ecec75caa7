"""Meters: which events count, and what of them."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from metering.domain.meter import (
    Aggregation,
    Compares,
    Comparison,
    Condition,
    Dimensions,
    Equals,
    Filter,
    HasText,
    In,
    IsSet,
    Meter,
    NotEquals,
    Part,
    predicate_of,
    readings_of,
)
from metering.domain.value import DimensionValue

NUMERIC = (Aggregation.SUM, Aggregation.MAX, Aggregation.MIN, Aggregation.AVG, Aggregation.LATEST)
JFK = Equals("origin", "JFK")
FAR = In("miles", (1_000, Decimal("2500.5")))


def matches(dimensions: Dimensions, *filters: Filter) -> bool:
    """Whether an event with these dimensions counts."""
    test = predicate_of(Meter(("flight",), filters, Aggregation.COUNT, ""))
    return test is None or test(dimensions)


@pytest.mark.parametrize(
    ("condition", "dimensions", "passes"),
    [
        (JFK, {"origin": "JFK"}, True),
        (JFK, {"origin": "jfk"}, False),
        (JFK, {}, False),
        (Equals("n", 1), {"n": 1}, True),
        (Equals("n", 1), {"n": Decimal("1.0")}, True),
        (Equals("n", 1), {"n": "1"}, False),
        (Equals("n", 1), {"n": True}, False),
        (Equals("n", "1"), {"n": 1}, False),
        (Equals("n", True), {"n": True}, True),
        (Equals("n", True), {"n": 1}, False),
        (Equals("n", False), {"n": 0}, False),
        (Equals("n", False), {}, False),
        (Equals("n", ""), {"n": ""}, True),
        (Equals("n", ""), {}, False),
        (FAR, {"miles": Decimal("2500.50")}, True),
        (FAR, {"miles": 1_001}, False),
        (In("n", (True, "a")), {"n": 1}, False),
        (In("n", (1, "a")), {"n": True}, False),
        (In("n", (1, True)), {"n": True}, True),
        (IsSet("n", expected=True), {"n": ""}, True),
        (IsSet("n", expected=True), {"n": False}, True),
        (IsSet("n", expected=True), {}, False),
        (IsSet("n", expected=False), {}, True),
        (IsSet("n", expected=False), {"n": 0}, False),
        (NotEquals("n", 1), {"n": 2}, True),
        (NotEquals("n", 1), {"n": Decimal("1.0")}, False),
        (NotEquals("n", 1), {"n": "1"}, True),
        (NotEquals("n", 1), {"n": True}, True),
        (NotEquals("n", False), {"n": 0}, True),
        (NotEquals("n", 1), {}, False),
        (NotEquals("n", ""), {"n": ""}, False),
        (HasText("n", Part.ANYWHERE, "FK"), {"n": "JFK"}, True),
        (HasText("n", Part.ANYWHERE, "fk"), {"n": "JFK"}, False),
        (HasText("n", Part.ANYWHERE, "1"), {"n": 1}, False),
        (HasText("n", Part.ANYWHERE, "true"), {"n": True}, False),
        (HasText("n", Part.ANYWHERE, "J"), {"n": ""}, False),
        (HasText("n", Part.ANYWHERE, "J"), {}, False),
        (HasText("n", Part.ANYWHERE, "%"), {"n": "JFK"}, False),
        (HasText("n", Part.START, "J"), {"n": "JFK"}, True),
        (HasText("n", Part.START, "JFK"), {"n": "JFK"}, True),
        (HasText("n", Part.START, "JFKX"), {"n": "JFK"}, False),
        (HasText("n", Part.START, "F"), {"n": "JFK"}, False),
        (HasText("n", Part.END, "K"), {"n": "JFK"}, True),
        (HasText("n", Part.END, "JFK"), {"n": "JFK"}, True),
        (HasText("n", Part.END, "XJFK"), {"n": "JFK"}, False),
        (HasText("n", Part.END, "F"), {"n": "JFK"}, False),
        (HasText("n", Part.END, "K"), {"n": 9}, False),
        (Compares("n", Comparison.GREATER, 1), {"n": Decimal("1.000000000001")}, True),
        (Compares("n", Comparison.GREATER, 1), {"n": 1}, False),
        (Compares("n", Comparison.GREATER_OR_EQUAL, 1), {"n": Decimal("1.0")}, True),
        (Compares("n", Comparison.GREATER_OR_EQUAL, 1), {"n": Decimal("0.999999999999")}, False),
        (Compares("n", Comparison.LESS, Decimal("0.5")), {"n": 0}, True),
        (Compares("n", Comparison.LESS, Decimal("0.5")), {"n": Decimal("0.50")}, False),
        (Compares("n", Comparison.LESS_OR_EQUAL, Decimal("0.5")), {"n": Decimal("0.50")}, True),
        (Compares("n", Comparison.LESS_OR_EQUAL, 0), {"n": Decimal("1E-30")}, False),
        (Compares("n", Comparison.GREATER_OR_EQUAL, 0), {"n": "5"}, False),
        (Compares("n", Comparison.GREATER_OR_EQUAL, 0), {"n": True}, False),
        (Compares("n", Comparison.LESS_OR_EQUAL, 0), {"n": False}, False),
        (Compares("n", Comparison.LESS, 1), {}, False),
    ],
)
def test_a_condition_compares_type_and_value(
    condition: Condition, dimensions: Mapping[str, DimensionValue], *, passes: bool
) -> None:
    assert matches(dimensions, (condition,)) is passes


@pytest.mark.parametrize(
    ("dimensions", "passes"),
    [
        ({"origin": "JFK", "miles": 1_000}, True),
        ({"origin": "JFK", "miles": 1}, False),
        ({"origin": "EWR", "miles": 1_000}, False),
        ({"vip": True}, True),
        ({}, False),
    ],
)
def test_conditions_are_joined_by_and_filters_by_or(dimensions: Dimensions, *, passes: bool) -> None:
    assert matches(dimensions, (JFK, FAR), (Equals("vip", True),)) is passes


def test_without_filters_every_event_counts() -> None:
    assert matches({})


@pytest.mark.parametrize(
    ("aggregation", "readings"),
    [
        (Aggregation.COUNT, [1, 1, 1, 1, 1, 1]),
        *((one, [5, Decimal("0.5"), None, None, None, 0]) for one in NUMERIC),
        (Aggregation.UNIQUE, [5, Decimal("0.5"), "5", True, None, 0]),
    ],
)
def test_only_numbers_add_and_only_what_is_there_is_told_apart(
    aggregation: Aggregation, readings: list[object]
) -> None:
    dimensions: list[Dimensions] = [{"x": 5}, {"x": Decimal("0.5")}, {"x": "5"}, {"x": True}, {"y": 5}, {"x": 0}]
    found = readings_of(Meter(("flight",), (), aggregation, "x"), dimensions)
    assert found == readings
    assert [type(one) for one in found] == [type(one) for one in readings]
