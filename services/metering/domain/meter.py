"""A meter: which raw events count for a feature, and what of them."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from metering.domain.value import DimensionValue, Number

Dimensions: TypeAlias = Mapping[str, DimensionValue]
Predicate: TypeAlias = Callable[[Dimensions], bool]

_NUMBERS = frozenset({int, Decimal})


class Aggregation(StrEnum):
    """What is computed from the events that count; no events is 0, and the order of arrival never matters."""

    COUNT = "COUNT"
    SUM = "SUM"
    UNIQUE = "UNIQUE"
    MAX = "MAX"
    MIN = "MIN"
    AVG = "AVG"
    LATEST = "LATEST"


@dataclass(frozen=True, slots=True)
class Equals:
    """The dimension has this value, of the same type."""

    field: str
    value: DimensionValue


@dataclass(frozen=True, slots=True)
class NotEquals:
    """The dimension has a value, and not this one of the same type."""

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


class Part(StrEnum):
    """Where a text is looked for in another; capitals matter."""

    ANYWHERE = "ANYWHERE"
    START = "START"
    END = "END"


@dataclass(frozen=True, slots=True)
class HasText:
    """The dimension is text, and has this text there."""

    field: str
    part: Part
    text: str


class Comparison(StrEnum):
    """How a number stands to another."""

    GREATER = "GREATER"
    GREATER_OR_EQUAL = "GREATER_OR_EQUAL"
    LESS = "LESS"
    LESS_OR_EQUAL = "LESS_OR_EQUAL"


@dataclass(frozen=True, slots=True)
class Compares:
    """The dimension is a number that stands so to this one."""

    field: str
    comparison: Comparison
    number: Number


Condition: TypeAlias = Equals | NotEquals | In | IsSet | HasText | Compares
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

    An event is skipped where the field is missing, or, for all but `UNIQUE`, is not a number (text never is, nor a truth
    value).
    """
    field = meter.field
    match meter.aggregation:
        case Aggregation.COUNT:
            return [1] * len(dimensions)
        case Aggregation.UNIQUE:
            return [one.get(field) for one in dimensions]
        case Aggregation.SUM | Aggregation.MAX | Aggregation.MIN | Aggregation.AVG | Aggregation.LATEST:
            # By class: a truth value is an int to `isinstance`.
            return [value if (value := one.get(field)).__class__ in _NUMBERS else None for one in dimensions]
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
        case NotEquals(value=value):
            equal = _is_one_of(field, (value,))
            return lambda dimensions: field in dimensions and not equal(dimensions)
        case In(values=values):
            return _is_one_of(field, values)
        case HasText():
            return _has_text(condition)
        case Compares():
            return _compares(condition)
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


def _has_text(condition: HasText) -> Predicate:
    field, text = condition.field, condition.text

    def value_of(dimensions: Dimensions) -> str:
        # The text that is looked for is never empty, so nothing is in an empty one.
        value = dimensions.get(field)
        return value if isinstance(value, str) else ""

    match condition.part:
        case Part.ANYWHERE:
            return lambda dimensions: text in value_of(dimensions)
        case Part.START:
            return lambda dimensions: value_of(dimensions).startswith(text)
        case Part.END:
            return lambda dimensions: value_of(dimensions).endswith(text)
        case _:
            assert_never(condition.part)


_COMPARISONS: Final[Mapping[Comparison, Callable[[Number, Number], bool]]] = {
    Comparison.GREATER: operator.gt,
    Comparison.GREATER_OR_EQUAL: operator.ge,
    Comparison.LESS: operator.lt,
    Comparison.LESS_OR_EQUAL: operator.le,
}


def _compares(condition: Compares) -> Predicate:
    field, number, holds = condition.field, condition.number, _COMPARISONS[condition.comparison]

    def test(dimensions: Dimensions) -> bool:
        value = dimensions.get(field)
        # A truth value is an int to `isinstance`.
        return isinstance(value, int | Decimal) and not isinstance(value, bool) and holds(value, number)

    return test
