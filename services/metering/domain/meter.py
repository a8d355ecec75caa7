"""A meter: which raw events count for a feature, and what of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias, assert_never

from metering.domain.value import DimensionValue

Dimensions: TypeAlias = Mapping[str, DimensionValue]
Predicate: TypeAlias = Callable[[Dimensions], bool]

_NUMBERS = frozenset({int, Decimal})


class Aggregation(StrEnum):
    """What is computed from the events that count; no events is 0, and the order of arrival never matters."""

    COUNT = "COUNT"
    SUM = "SUM"
    UNIQUE = "UNIQUE"


@dataclass(frozen=True, slots=True)
class Equals:
    """The dimension has this value, of the same type."""

    field: str
    value: DimensionValue


@dataclass(frozen=True, slots=True)
class In:
    """The dimension has one of these values."""

    field: str
    values: tuple[DimensionValue, ...]


@dataclass(frozen=True, slots=True)
class IsSet:
    """The dimension is there, or, if not `expected`, is not."""

    field: str
    expected: bool


Condition: TypeAlias = Equals | In | IsSet
# All conditions of a filter must hold.
Filter: TypeAlias = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """How raw events become usage.

    Attributes:
        event_names: The names of the events that count.
        filters: An event counts if any matches; none: every event of those names.
        aggregation: What is computed.
        field: The dimension that it reads; empty for `COUNT`.
    """

    event_names: tuple[str, ...]
    filters: tuple[Filter, ...]
    aggregation: Aggregation
    field: str


def predicate_of(meter: Meter) -> Predicate | None:
    """What an event's dimensions must satisfy; None where every event of the meter's names counts."""
    if not meter.filters:
        return None
    return _any_of([_all_of([_condition(condition) for condition in one]) for one in meter.filters])


def readings_of(meter: Meter, dimensions: Sequence[Dimensions]) -> list[DimensionValue | None]:
    """What each of these matching events adds: 1, a number, or a value to tell apart; None if it is skipped.

    An event is skipped where the field is missing, or, for a sum, is not a number (text never is, nor a truth value).
    """
    field = meter.field
    match meter.aggregation:
        case Aggregation.COUNT:
            return [1] * len(dimensions)
        case Aggregation.SUM:
            # By class: a truth value is an int to `isinstance`.
            return [value if (value := one.get(field)).__class__ in _NUMBERS else None for one in dimensions]
        case Aggregation.UNIQUE:
            return [one.get(field) for one in dimensions]
        case _:
            assert_never(meter.aggregation)


def _any_of(tests: list[Predicate]) -> Predicate:
    return tests[0] if len(tests) == 1 else lambda dimensions: any(test(dimensions) for test in tests)


def _all_of(tests: list[Predicate]) -> Predicate:
    return tests[0] if len(tests) == 1 else lambda dimensions: all(test(dimensions) for test in tests)


def _condition(condition: Condition) -> Predicate:
    field = condition.field
    match condition:
        case IsSet(expected=expected):
            return lambda dimensions: (field in dimensions) is expected
        case Equals(value=value):
            return _is_one_of(field, (value,))
        case In(values=values):
            return _is_one_of(field, values)
        case _:
            assert_never(condition)


def _is_one_of(field: str, values: tuple[DimensionValue, ...]) -> Predicate:
    # True equals 1 in Python, so truth values are looked up among themselves.
    truths = frozenset(value for value in values if isinstance(value, bool))
    others = frozenset(value for value in values if not isinstance(value, bool))

    def test(dimensions: Dimensions) -> bool:
        value = dimensions.get(field)
        return value is not None and value in (truths if isinstance(value, bool) else others)

    return test
