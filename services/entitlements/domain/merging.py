"""How add-ons meet what a plan grants of one feature. The order of add-ons never matters."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, assert_never

from entitlements.domain.plan import (
    BooleanGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    Reset,
    ResetInterval,
)
from kernel.quantity import EXACT, MAX_WHOLE_DIGITS

# The greatest number that a contract carries; more than that is as good as it.
MOST: Final = EXACT.subtract(Decimal(10) ** MAX_WHOLE_DIGITS, Decimal("1E-12"))

# The more often usage starts again at zero, the more may be used.
_OFTEN: Final = {
    None: 0,
    ResetInterval.YEAR: 1,
    ResetInterval.BILLING_PERIOD: 2,
    ResetInterval.MONTH: 3,
    ResetInterval.WEEK: 4,
    ResetInterval.DAY: 5,
    ResetInterval.HOUR: 6,
}


def merged(
    plan: PlainGrant | None, increments: Sequence[tuple[PlainGrant, int]], overrides: Sequence[PlainGrant]
) -> PlainGrant:
    """What a subscription grants of a feature that its plan or at least one of its add-ons grants.

    An increment adds its limit, or its number, once for each unit of the add-on; values unite; unlimited makes unlimited, and
    one that is soft makes soft. Usage starts again at zero with the plan's reset; where the plan does not grant the feature, with the
    most frequent of the add-ons'. An override takes the place of all that, whatever the quantity; of several the largest.

    Args:
        plan: What the plan grants, its commitments included; None: nothing.
        increments: What one unit of each incrementing add-on grants, and how many are held.
        overrides: What overriding add-ons grant.

    Raises:
        ValueError: They are not of one type, or there is nothing.
    """
    if overrides:
        return _largest(overrides)
    parts = [*([] if plan is None else [plan]), *(times(grant, quantity) for grant, quantity in increments)]
    if not parts:
        raise ValueError("there is nothing to merge")
    total = _sum(parts)
    if isinstance(total, MeteredGrant):
        resets = [grant.reset for grant in ([plan] if plan is not None else parts) if isinstance(grant, MeteredGrant)]
        return replace(total, reset=max(resets, key=_frequency))
    return total


def times(grant: PlainGrant, quantity: int) -> PlainGrant:
    """What so many units of an add-on grant."""
    match grant:
        case NumericGrant(value):
            return NumericGrant(_at_most(EXACT.multiply(value, Decimal(quantity))))
        case MeteredGrant(limit) if limit is not None:
            return replace(grant, limit=_at_most(EXACT.multiply(limit, Decimal(quantity))))
        case _:
            return grant


def _sum(parts: Sequence[PlainGrant]) -> PlainGrant:
    first, *others = parts
    for other in others:
        match first, other:
            case BooleanGrant(), BooleanGrant():
                pass
            case NumericGrant(one), NumericGrant(more):
                first = NumericGrant(_at_most(EXACT.add(one, more)))
            case EnumGrant(some), EnumGrant(more_values):
                first = EnumGrant(tuple(dict.fromkeys((*some, *more_values))))
            case MeteredGrant(), MeteredGrant():
                first = _metered_sum(first, other)
            case _:
                raise ValueError("grants of one feature are of different types")
    return first


def _metered_sum(one: MeteredGrant, other: MeteredGrant) -> MeteredGrant:
    if one.limit is None or other.limit is None:
        return MeteredGrant(None, soft=False, reset=None)
    return MeteredGrant(_at_most(EXACT.add(one.limit, other.limit)), soft=one.soft or other.soft, reset=None)


def _largest(overrides: Sequence[PlainGrant]) -> PlainGrant:
    first = overrides[0]
    if any(type(grant) is not type(first) for grant in overrides):
        raise ValueError("grants of one feature are of different types")
    match first:
        case BooleanGrant():
            return first
        case EnumGrant():
            # No set of values is larger than another that it does not contain: they unite.
            return _sum(overrides)
        case NumericGrant() | MeteredGrant():
            return max(overrides, key=_size)
        case _:
            assert_never(first)


def _size(grant: PlainGrant) -> tuple[bool, Decimal, bool, tuple[int, bool, int]]:
    match grant:
        case NumericGrant(value):
            return False, value, False, _frequency(None)
        case MeteredGrant(limit, soft, reset):
            return limit is None, limit or Decimal(0), soft, _frequency(reset)
        case _:
            raise ValueError("only numbers and limits have a size")


def _frequency(reset: Reset | None) -> tuple[int, bool, int]:
    if reset is None:
        return _OFTEN[None], False, 0
    return _OFTEN[reset.interval], reset.at_calendar, reset.week_start


def _at_most(value: Decimal) -> Decimal:
    return min(value, MOST)
