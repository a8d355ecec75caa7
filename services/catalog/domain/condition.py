"""A condition: one test of one dimension of an event."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from catalog.domain.number import canonical
from catalog.domain.text import check_count, check_name
from kernel.errors import Mistakes
from kernel.quantity import parse_decimal
from kernel.text import check_text

# Each event is compared with every one of them.
MAX_IN_VALUES: Final = 100
# As long as a dimension's text may be: a longer one never matches.
MAX_STRING_VALUE: Final = 1_024


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


class TextTest(StrEnum):
    """Where in a dimension's text the wanted text stands; the word is the contract's field."""

    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"


class NumberTest(StrEnum):
    """How a dimension's number compares with the given one; the word is the contract's field."""

    GREATER_THAN = "greater_than"
    GREATER_THAN_OR_EQUAL = "greater_than_or_equal"
    LESS_THAN = "less_than"
    LESS_THAN_OR_EQUAL = "less_than_or_equal"


@dataclass(frozen=True, slots=True)
class Equals:
    """The dimension has this value, of the same type."""

    value: Value | None


@dataclass(frozen=True, slots=True)
class NotEquals:
    """The dimension has a value, and not this one of the same type."""

    value: Value | None


@dataclass(frozen=True, slots=True)
class In:
    """The dimension has one of these values."""

    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class IsSet:
    """Whether the dimension is there at all."""

    is_set: bool


@dataclass(frozen=True, slots=True)
class HasText:
    """The dimension is text with this text at that place; capitals matter."""

    test: TextTest
    text: str


@dataclass(frozen=True, slots=True)
class Compares:
    """The dimension is a number on that side of this one, which is canonical once settled."""

    test: NumberTest
    number: str


Test = Equals | NotEquals | In | IsSet | HasText | Compares

_TESTS: Final = ", ".join(["equals", "not_equals", "in", *TextTest, *NumberTest])


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one dimension."""

    field: str
    test: Test | None


def check_condition(condition: Condition, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a condition."""
    check_name(condition.field, f"{path}.field", mistakes)
    match condition.test:
        case None:
            mistakes.add(f"{path}.test", f"must be {_TESTS} or is_set")
        case Equals(value=value):
            _check_value(value, f"{path}.equals", mistakes)
        case NotEquals(value=value):
            _check_value(value, f"{path}.not_equals", mistakes)
        case In(values=values):
            check_count(values, f"{path}.in.values", mistakes, least=1, most=MAX_IN_VALUES)
            for number, value in enumerate(values):
                _check_value(value, f"{path}.in.values[{number}]", mistakes)
        case HasText(test=test, text=text):
            if not text:
                mistakes.add(f"{path}.{test}", "must not be empty: every text has the empty one in it; use is_set")
            mistakes.attempt(check_text, text, f"{path}.{test}", limit=MAX_STRING_VALUE)
        case Compares(test=comparison, number=bound):
            mistakes.attempt(parse_decimal, bound, f"{path}.{comparison}")
        case IsSet():
            pass
        case _:
            assert_never(condition.test)


def settle_condition(condition: Condition) -> Condition:
    """The checked condition with canonical numbers."""
    match condition.test:
        case Equals(value=value):
            return replace(condition, test=Equals(_settle_value(value)))
        case NotEquals(value=value):
            return replace(condition, test=NotEquals(_settle_value(value)))
        case In(values=values):
            return replace(condition, test=In(tuple(map(_settle_value, values))))
        case Compares(test=comparison, number=number):
            return replace(condition, test=Compares(comparison, canonical(number)))
        case _:
            return condition


def condition_meaning(condition: Condition) -> Hashable:
    """Equal for settled conditions that pass the same: the values of `in` have no order."""
    match condition.test:
        case In(values=values):
            return condition.field, frozenset(values)
        case _:
            return condition


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


def _settle_value(value: Value | None) -> Value | None:
    return NumberValue(canonical(value.number)) if isinstance(value, NumberValue) else value
