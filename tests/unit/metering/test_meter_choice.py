"""Meters found by the value of a dimension count what each would count by itself."""

from decimal import Decimal

import pytest

from metering.domain.meter import Aggregation, Condition, Dimensions, Equals, Filter, In, IsSet, Meter, predicate_of
from metering.domain.meter_choice import MeterChoice, active_meter

EVENTS: list[Dimensions] = [
    {"origin": "JFK", "gate": 1},
    {"origin": "LGA", "gate": True},
    {"origin": "JFK", "gate": "1"},
    {"gate": Decimal("1.5")},
    {"gate": Decimal(1)},
    {"gate": False},
    {},
]


def any_of(*conditions: Condition) -> Meter:
    """Counts what one of the conditions holds for."""
    return meter(*((condition,) for condition in conditions))


def meter(*filters: Filter) -> Meter:
    """Counts departures."""
    return Meter(("departed",), filters, Aggregation.COUNT, "")


METERS = {
    "all": meter(),
    "jfk": any_of(Equals("origin", "JFK")),
    "either": any_of(Equals("origin", "JFK"), In("origin", ("LGA", "JFK"))),
    "one": any_of(Equals("gate", 1)),
    "true": any_of(Equals("gate", True)),
    "zero or true": any_of(In("gate", (0, True))),
    "text": any_of(Equals("gate", "1")),
    "half": any_of(Equals("gate", Decimal("1.5"))),
    "two dimensions": any_of(Equals("origin", "LGA"), Equals("gate", Decimal("1.5"))),
    "both": meter((Equals("origin", "JFK"), Equals("gate", 1))),
    "no gate": any_of(IsSet("gate", expected=False)),
    "nowhere": any_of(Equals("origin", "EWR")),
}


def test_each_meter_counts_what_its_predicate_says() -> None:
    choice = MeterChoice.of(active_meter(name, one) for name, one in METERS.items())
    rows = list(range(len(EVENTS)))
    found = {active.feature_id: counted for active, counted in choice.rows(EVENTS, rows)}
    expected = {}
    for name, one in METERS.items():
        test = predicate_of(one)
        counted = [row for row in rows if test is None or test(EVENTS[row])]
        if counted:
            expected[name] = counted
    assert found == expected
    assert found["one"] == [0, 4]
    assert found["true"] == [1]


@pytest.mark.parametrize(("name", "looked_up"), [("jfk", True), ("either", True), ("both", False), ("no gate", False)])
def test_only_what_asks_one_dimension_for_values_is_looked_up(name: str, *, looked_up: bool) -> None:
    choice = MeterChoice.of([active_meter(name, METERS[name])])
    assert bool(choice.by_value) is looked_up
    assert bool(choice.tested) is not looked_up
