"""A meter: which raw events count for a feature, and what of them."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from catalog.domain.choice import check_choice
from catalog.domain.number import canonical
from catalog.domain.text import check_count, check_name, check_unique
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.quantity import parse_decimal
from kernel.text import check_text

# Each event is matched against every meter of its name: these keep that short.
MAX_EVENT_NAMES: Final = 16
MAX_FILTERS: Final = 10
MAX_CONDITIONS: Final = 10
MAX_IN_VALUES: Final = 100
# As long as a dimension's text may be.
MAX_STRING_VALUE: Final = 1_024


class Aggregation(StrEnum):
    """What is computed from the events that count."""

    COUNT = "COUNT"
    SUM = "SUM"
    UNIQUE = "UNIQUE"


@dataclass(frozen=True, slots=True)
class StringValue:
    """Text; never a number, whatever it looks like."""

    text: str


@dataclass(frozen=True, slots=True)
class BoolValue:
    """A truth value."""

    truth: bool


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A number, canonical once settled."""

    number: str


Value = StringValue | BoolValue | NumberValue


@dataclass(frozen=True, slots=True)
class Equals:
    """The dimension has this value, of the same type."""

    value: Value | None


@dataclass(frozen=True, slots=True)
class In:
    """The dimension has one of these values."""

    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class IsSet:
    """Whether the dimension is there at all."""

    is_set: bool


Test = Equals | In | IsSet


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one dimension."""

    field: str
    test: Test | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Matches an event if all its conditions do."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """How raw events become usage: an event of these names counts if one of the filters matches, or there is none.

    Attributes:
        field: The dimension that is summed or whose values are told apart; empty for `COUNT`.
    """

    event_names: tuple[str, ...]
    filters: tuple[Filter, ...]
    aggregation: Aggregation | None
    field: str = ""


def check_meter(meter: Meter, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a meter."""
    check_count(meter.event_names, f"{path}.event_names", mistakes, least=1, most=MAX_EVENT_NAMES)
    for number, name in enumerate(meter.event_names):
        mistakes.attempt(check_id, name, f"{path}.event_names[{number}]")
    check_unique(meter.event_names, f"{path}.event_names", mistakes)
    check_count(meter.filters, f"{path}.filters", mistakes, least=0, most=MAX_FILTERS)
    for number, each in enumerate(meter.filters):
        _check_filter(each, f"{path}.filters[{number}]", mistakes)
    check_choice(meter.aggregation, Aggregation, path=f"{path}.aggregation", mistakes=mistakes)
    if meter.aggregation is Aggregation.COUNT:
        if meter.field:
            mistakes.add(f"{path}.field", "must be left out: COUNT reads no dimension")
    elif meter.aggregation is not None or meter.field:
        check_name(meter.field, f"{path}.field", mistakes)


def settle_meter(meter: Meter) -> Meter:
    """The checked meter with canonical numbers."""
    return replace(meter, filters=tuple(Filter(tuple(map(_settle, each.conditions))) for each in meter.filters))


def meaning(meter: Meter) -> Hashable:
    """Equal for settled meters that count the same: neither names nor filters nor conditions have an order."""
    filters = frozenset(frozenset(map(_condition_meaning, each.conditions)) for each in meter.filters)
    return frozenset(meter.event_names), filters, meter.aggregation, meter.field


def _check_filter(each: Filter, path: str, mistakes: Mistakes) -> None:
    check_count(each.conditions, f"{path}.conditions", mistakes, least=1, most=MAX_CONDITIONS)
    for number, condition in enumerate(each.conditions):
        where = f"{path}.conditions[{number}]"
        check_name(condition.field, f"{where}.field", mistakes)
        match condition.test:
            case None:
                mistakes.add(f"{where}.test", "must be equals, in or is_set")
            case Equals(value=value):
                _check_value(value, f"{where}.equals", mistakes)
            case In(values=values):
                check_count(values, f"{where}.in.values", mistakes, least=1, most=MAX_IN_VALUES)
                for entry, value in enumerate(values):
                    _check_value(value, f"{where}.in.values[{entry}]", mistakes)
            case IsSet():
                pass
            case _:
                assert_never(condition.test)


def _check_value(value: Value | None, path: str, mistakes: Mistakes) -> None:
    match value:
        case None:
            mistakes.add(f"{path}.kind", "must be string_value, bool_value or number_value")
        case StringValue(text=text):
            mistakes.attempt(check_text, text, f"{path}.string_value", limit=MAX_STRING_VALUE)
        case NumberValue(number=number):
            mistakes.attempt(parse_decimal, number, f"{path}.number_value")
        case BoolValue():
            pass
        case _:
            assert_never(value)


def _settle(condition: Condition) -> Condition:
    match condition.test:
        case Equals(value=value):
            return replace(condition, test=Equals(_settle_value(value)))
        case In(values=values):
            return replace(condition, test=In(tuple(map(_settle_value, values))))
        case _:
            return condition


def _settle_value(value: Value | None) -> Value | None:
    return NumberValue(canonical(value.number)) if isinstance(value, NumberValue) else value


def _condition_meaning(condition: Condition) -> Hashable:
    match condition.test:
        case In(values=values):
            return condition.field, frozenset(values)
        case _:
            return condition
