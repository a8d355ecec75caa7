"""Choices in messages: the contract's number and the domain's word."""

from enum import StrEnum
from typing import Any, TypeVar

from catalog.domain.choice import UNKNOWN, Unknown

E = TypeVar("E", bound=StrEnum)

_UNSPECIFIED = "UNSPECIFIED"


def enum_to_proto(numbers: Any, choice: StrEnum | Unknown | None) -> Any:
    """The number of a choice in a generated enum; 0 for none."""
    prefix = str(numbers.Name(0)).removesuffix(_UNSPECIFIED)
    return numbers.Value(prefix + (choice.value if choice is not None else _UNSPECIFIED))


def enum_from_proto(numbers: Any, choices: type[E], number: int) -> E | Unknown | None:
    """The choice that a number of a generated enum stands for; None for 0."""
    name = numbers.DESCRIPTOR.values_by_number.get(number)
    if name is None:
        return UNKNOWN
    word = name.name.removeprefix(str(numbers.Name(0)).removesuffix(_UNSPECIFIED))
    return None if word == _UNSPECIFIED else choices(word)


def required_from_proto(numbers: Any, choices: type[E], number: int) -> E | None:
    """The same where a choice must be made: one that is unknown counts as none."""
    choice = enum_from_proto(numbers, choices, number)
    return None if choice is UNKNOWN or isinstance(choice, Unknown) else choice
