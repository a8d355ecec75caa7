"""Values of dimensions: text, truth, or an exact number. Equal numbers are equal however they were written; text is never a number."""

import re
from decimal import Decimal
from hashlib import sha256
from typing import Final, TypeAlias

from kernel.quantity import format_decimal, parse_decimal

# A whole number is an int, any other a Decimal: both exact, equal where the numbers are equal, and ints are twice as fast.
Number: TypeAlias = int | Decimal
DimensionValue: TypeAlias = str | bool | Number

MAX_TEXT_LENGTH: Final = 1_024
# Doubles reach from 1e-324 to 1e308; a sum of such would have hundreds of digits, more than exact arithmetic elsewhere holds.
MAX_DOUBLE: Final = 10**18
MAX_DOUBLE_PLACES: Final = 30
# A longer text is told apart by its digest: an index entry of PostgreSQL has at most 2,704 bytes.
MAX_PLAIN_BYTES: Final = 100

# Up to here a double holds every whole number; beyond, its shortest decimal is not the number itself.
_ALL_WHOLE: Final = 2**53
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


def number_of_text(text: str, path: str) -> Number:
    """The number of a plain decimal text.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming `path`: an exponent, more than 18 digits before the point or 12 after.
    """
    if _WHOLE.fullmatch(text) is not None:
        return int(text)
    return number_of_decimal(parse_decimal(text, path))


def number_of_decimal(value: Decimal) -> Number:
    """The same number in the one form that this module gives numbers."""
    whole = int(value)
    return whole if whole == value else Decimal(format_decimal(value))


def number_of_double(value: float) -> Number | None:  # float: at the edge; taken as its shortest decimal.
    """The shortest decimal of a double; None for NaN, infinities, 10^18 and more, or more than 30 digits after the point."""
    if not -MAX_DOUBLE < value < MAX_DOUBLE:
        return None
    if value.is_integer() and -_ALL_WHOLE <= value <= _ALL_WHOLE:
        return int(value)
    exact = number_of_decimal(Decimal(repr(value)))
    places = 0 if isinstance(exact, int) else -int(exact.as_tuple().exponent)
    return exact if places <= MAX_DOUBLE_PLACES else None


def text_of(value: DimensionValue) -> str:
    """The value as people read it: ``true``, ``1.5``, or the text itself."""
    # The most frequent first; a truth value is an int to `isinstance`, not by its class.
    if value.__class__ is int:
        return str(value)
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case _:
            return format_decimal(Decimal(value))


def distinct_key(value: DimensionValue) -> str:
    """A text that two values share if and only if they have the same type and are equal; at most 102 bytes."""
    match value:
        case bool():
            kind = "b"
        case str():
            kind = "s"
        case _:
            kind = "n"
    text = text_of(value)
    data = text.encode()
    return f"{kind}:{text}" if len(data) <= MAX_PLAIN_BYTES else f"{kind}#{sha256(data).hexdigest()}"
