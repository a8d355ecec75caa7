"""Numbers of the catalog. They stay text: the catalog checks, compares and hands on its numbers, and never computes
with them. Canonical texts are equal exactly when the numbers are: 5.5 equals 5.50.
"""

from decimal import Decimal

from kernel.errors import Mistakes
from kernel.quantity import format_decimal, parse_decimal


def check_number(text: str, path: str, mistakes: Mistakes) -> Decimal | None:
    """The number of at least zero, or None with a mistake noted."""
    number = mistakes.attempt(parse_decimal, text, path)
    if number is not None and number < 0:
        mistakes.add(path, "must be zero or more")
        return None
    return number


def check_positive(text: str, path: str, mistakes: Mistakes) -> Decimal | None:
    """The number above zero, or None with a mistake noted."""
    number = mistakes.attempt(parse_decimal, text, path)
    if number is not None and number <= 0:
        mistakes.add(path, "must be above zero")
        return None
    return number


def canonical(text: str) -> str:
    """The canonical text of a number that was checked; of an empty text, an empty one."""
    return format_decimal(parse_decimal(text, "")) if text else ""
