"""Exact decimal numbers: how they are read, written, added and rounded, whatever the ambient decimal context says."""

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from fractions import Fraction
from typing import Final

from kernel.errors import FieldViolation, invalid

ZERO: Final = Decimal(0)
MAX_WHOLE_DIGITS: Final = 18

# A parsed number has at most 30 digits, so a product of two has 60; the rest is room for sums. What would still not fit
# raises `Inexact` instead of being rounded behind our back, and so does a float that strays in.
EXACT: Final = Context(
    prec=100,
    rounding=ROUND_HALF_EVEN,
    traps=[DivisionByZero, FloatOperation, Inexact, InvalidOperation, Overflow],
)

_PLAIN = re.compile(r"[+-]?(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]+))?")


def exact() -> AbstractContextManager[Context]:
    """A block in which decimal arithmetic is exact or raises `decimal.Inexact`; it must not contain an ``await``."""
    return localcontext(EXACT)


def parse_decimal(text: str, path: str, *, places: int = 12) -> Decimal:
    """Read a plain decimal number: optional sign, digits, optional point and digits.

    Args:
        text: As the caller wrote it.
        path: The caller's field, named in the refusal.
        places: The most digits after the point.

    Raises:
        TollkeeperError: `INVALID_ARGUMENT` for anything else: blanks, exponents, NaN, infinities, separators, digits of
            other scripts, more than 18 digits before the point or ``places`` after it.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise invalid(FieldViolation(path, _how_to_mend(text)))
    if len(match["whole"]) > MAX_WHOLE_DIGITS:
        raise invalid(FieldViolation(path, f"must have at most {MAX_WHOLE_DIGITS} digits before the point"))
    if len(match["fraction"] or "") > places:
        raise invalid(FieldViolation(path, _too_fine(places)))
    value = Decimal(text)
    return value or ZERO


def parse_quantity(text: str, path: str, *, places: int = 12) -> Decimal:
    """Read a number as `parse_decimal` does and refuse one below zero."""
    value = parse_decimal(text, path, places=places)
    if value < 0:
        raise invalid(FieldViolation(path, "must be zero or more"))
    return value


def format_decimal(value: Decimal) -> str:
    """The canonical text of a number: no exponent, no trailing zeros, ``0`` for zero and never ``-0``.

    Raises:
        ValueError: The value is not finite.
    """
    if not value.is_finite():
        raise ValueError("only a finite number has a canonical text")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum; zero of nothing."""
    with exact():
        return sum(values, ZERO)


def round_half_away(value: Decimal | Fraction, places: int) -> Decimal:
    """Round to `places` digits after the point, halves away from zero, as an invoice does."""
    numerator, denominator = value.as_integer_ratio()
    units = (2 * abs(numerator) * 10**places + denominator) // (2 * denominator)
    return Decimal(f"{units if numerator >= 0 else -units}E-{places}")


def _how_to_mend(text: str) -> str:
    if not text.strip():
        return "must not be empty: give a number such as 12.5"
    if re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", text):
        return "must be written without an exponent: 1000 instead of 1e3"
    return "must be a plain decimal number such as 12.5: digits with at most one point, no spaces or separators"


def _too_fine(places: int) -> str:
    if places == 0:
        return "must be a whole number"
    return f"must have at most {places} digits after the point"
