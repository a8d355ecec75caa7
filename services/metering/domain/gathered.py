"""Aggregations that are not sums: what a window keeps beside its value, so that more can come later and in any order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias, assert_never

from kernel.quantity import EXACT, ZERO, round_half_away, total
from metering.domain.meter import Aggregation
from metering.domain.value import DimensionValue, Number

# A mean has at most so many digits after the point: those that the contract's decimals have.
MEAN_PLACES: Final = 12


class Dated(NamedTuple):
    """A number and the event that it comes from. The greatest is the latest: no two events of a customer share a key."""

    time: int
    key: str
    number: Number


# What one event adds: a number, a value to tell apart, or, for `LATEST`, a number with its event.
Reading: TypeAlias = DimensionValue | Dated


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the numbers of some events come to; of no event there is none.

    Attributes:
        number: `AVG`: their exact sum. Others: the greatest, the least or the latest itself.
        count: `AVG`: how many they are; others 0.
        time: `LATEST`: of the event that the number comes from, in microseconds since 1970; others 0.
        key: `LATEST`: the idempotency key of that event; others empty.
    """

    number: Decimal
    count: int = 0
    time: int = 0
    key: str = ""


def amount(readings: Iterable[Reading]) -> Decimal:
    """The exact sum of numbers, as `COUNT`, `SUM` and `AVG` add them."""
    whole, fractions = 0, []
    for reading in readings:
        if isinstance(reading, int):
            whole += reading
        elif isinstance(reading, Decimal):
            fractions.append(reading)
    return total((Decimal(whole), *fractions))


def gather(aggregation: Aggregation, readings: Sequence[Reading]) -> Gathered:
    """What at least one reading comes to.

    Raises:
        ValueError: The aggregation is a sum or a count.
    """
    match aggregation:
        case Aggregation.MAX:
            return Gathered(max(map(_number, readings)))
        case Aggregation.MIN:
            return Gathered(min(map(_number, readings)))
        case Aggregation.AVG:
            return Gathered(amount(readings), count=len(readings))
        case Aggregation.LATEST:
            latest = max(reading for reading in readings if isinstance(reading, Dated))
            return Gathered(Decimal(latest.number), time=latest.time, key=latest.key)
        case Aggregation.COUNT | Aggregation.SUM | Aggregation.UNIQUE:
            raise ValueError("counts and sums are added")
        case _:
            assert_never(aggregation)


def together(aggregation: Aggregation, one: Gathered | None, other: Gathered) -> Gathered:
    """What the events of both, which are all different, come to; `one` is None where there are none.

    Raises:
        ValueError: The aggregation is a sum or a count.
    """
    if one is None:
        return other
    match aggregation:
        case Aggregation.MAX:
            return max(one, other, key=lambda gathered: gathered.number)
        case Aggregation.MIN:
            return min(one, other, key=lambda gathered: gathered.number)
        case Aggregation.AVG:
            return Gathered(EXACT.add(one.number, other.number), count=one.count + other.count)
        case Aggregation.LATEST:
            return max(one, other, key=lambda gathered: (gathered.time, gathered.key))
        case Aggregation.COUNT | Aggregation.SUM | Aggregation.UNIQUE:
            raise ValueError("counts and sums are added")
        case _:
            assert_never(aggregation)


def value_of(aggregation: Aggregation, gathered: Gathered | None) -> Decimal:
    """The usage that it shows: a mean is rounded half away from zero to 12 places; without events zero."""
    if gathered is None:
        return ZERO
    if aggregation is Aggregation.AVG:
        return round_half_away(Fraction(gathered.number) / gathered.count, MEAN_PLACES)
    return gathered.number


def is_gathered(aggregation: Aggregation) -> bool:
    """Whether a window of it keeps more than its value: what is not a count or a sum."""
    return aggregation in _GATHERED


_GATHERED: Final = frozenset({Aggregation.MAX, Aggregation.MIN, Aggregation.AVG, Aggregation.LATEST})


def _number(reading: Reading) -> Decimal:
    if isinstance(reading, int | Decimal):
        return Decimal(reading)
    raise TypeError(reading)
