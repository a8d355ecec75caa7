"""What a quantity costs: five pricing models, each a price list of one billing period and currency.

Pure and exact: amounts are not rounded here, and each answer lists the steps that lead to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, TypeVar, assert_never

from kernel.errors import FieldViolation
from kernel.quantity import EXACT, ZERO, exact, format_decimal, total

_ONE: Final = Decimal(1)


class PricingModel(StrEnum):
    """How a quantity becomes an amount."""

    FLAT_RATE = "FLAT_RATE"
    PACKAGE = "PACKAGE"
    GRADUATED = "GRADUATED"
    VOLUME = "VOLUME"
    STAIR_STEP = "STAIR_STEP"


@dataclass(frozen=True, slots=True)
class Tier:
    """Units above the previous tier's end, up to and with `up_to`.

    Attributes:
        up_to: The last quantity of the tier, inclusive; None on the last tier, which has no end.
        unit_price: Of each unit.
        flat_fee: Due once when the tier is reached.
    """

    up_to: Decimal | None
    unit_price: Decimal
    flat_fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class StairStepTier:
    """As `Tier`, but one total price for any quantity in it."""

    up_to: Decimal | None
    tier_price: Decimal


@dataclass(frozen=True, slots=True)
class FlatRate:
    """Every unit costs the same."""

    model: ClassVar[PricingModel] = PricingModel.FLAT_RATE
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Package:
    """A price for each block of units; a started block is paid whole."""

    model: ClassVar[PricingModel] = PricingModel.PACKAGE
    block_size: Decimal
    block_price: Decimal


@dataclass(frozen=True, slots=True)
class Graduated:
    """Each unit costs the price of the tier it falls into; each tier reached adds its flat fee."""

    model: ClassVar[PricingModel] = PricingModel.GRADUATED
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """The tier that holds the whole quantity prices all units and adds its own flat fee only."""

    model: ClassVar[PricingModel] = PricingModel.VOLUME
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class StairStep:
    """The tier that holds the quantity has one total price."""

    model: ClassVar[PricingModel] = PricingModel.STAIR_STEP
    tiers: tuple[StairStepTier, ...]


_AnyTier = TypeVar("_AnyTier", Tier, StairStepTier)

PriceList = FlatRate | Package | Graduated | Volume | StairStep


@dataclass(frozen=True, slots=True)
class Step:
    """One part of an amount that a person can follow: `amount` is `quantity` × `unit_price`, exactly.

    Attributes:
        description: "units 1–5", "flat fee of units 6–10", "2 packages of 25".
    """

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Priced:
    """An exact, unrounded amount in major units and the steps that add up to it; no steps for nothing."""

    amount: Decimal
    steps: tuple[Step, ...]


def price(price_list: PriceList, quantity: Decimal) -> Priced:
    """What `quantity` costs.

    Zero or less costs zero and reaches no tier. `up_to` is inclusive: after a tier up to 5 the next begins just above
    5, so that 5.5 falls into it.

    Raises:
        ValueError: No tier holds the quantity: the list was not checked with `violations`.
    """
    if quantity <= 0:
        return Priced(ZERO, ())
    steps = tuple(_steps(price_list, quantity))
    return Priced(total(step.amount for step in steps), steps)


def whole_blocks(quantity: Decimal, block_size: Decimal) -> Decimal:
    """The quantity rounded up to whole blocks: 26 in blocks of 25 is 50; zero or less is zero.

    Raises:
        ValueError: The block size is not above zero.
    """
    return EXACT.multiply(_blocks(quantity, block_size), block_size)


def violations(price_list: PriceList, path: str) -> list[FieldViolation]:
    """What must be mended before `price` may be asked; empty when nothing is.

    Args:
        price_list: As the caller gave it, with finite numbers.
        path: The caller's field that holds the price list; the names below it are those of this module.
    """
    match price_list:
        case FlatRate(unit_price=unit_price):
            return _negative({f"{path}.unit_price": unit_price})
        case Package(block_size=block_size, block_price=block_price):
            wrong_size = [] if block_size > 0 else [FieldViolation(f"{path}.block_size", "must be above zero")]
            return wrong_size + _negative({f"{path}.block_price": block_price})
        case Graduated(tiers=tiers) | Volume(tiers=tiers):
            prices = {f"{path}.tiers[{i}].unit_price": tier.unit_price for i, tier in enumerate(tiers)}
            fees = {f"{path}.tiers[{i}].flat_fee": tier.flat_fee for i, tier in enumerate(tiers)}
            return _misordered([tier.up_to for tier in tiers], path) + _negative(prices | fees)
        case StairStep(tiers=steps):
            totals = {f"{path}.tiers[{i}].tier_price": tier.tier_price for i, tier in enumerate(steps)}
            return _misordered([tier.up_to for tier in steps], path) + _negative(totals)
        case _:
            assert_never(price_list)


def _steps(price_list: PriceList, quantity: Decimal) -> Iterator[Step]:
    match price_list:
        case FlatRate(unit_price=unit_price):
            yield _step(_counted(quantity, "unit"), quantity, unit_price=unit_price)
        case Package(block_size=size, block_price=block_price):
            blocks = _blocks(quantity, size)
            yield _step(f"{_counted(blocks, 'package')} of {format_decimal(size)}", blocks, unit_price=block_price)
        case Graduated(tiers=tiers):
            yield from _graduated(tiers, quantity)
        case Volume(tiers=tiers):
            below, tier = _holding(tiers, quantity)
            held = _units(below, tier.up_to)
            yield _step(f"{_counted(quantity, 'unit')} at the price of {held}", quantity, unit_price=tier.unit_price)
            yield from _flat_fee(below, tier)
        case StairStep(tiers=steps):
            below, step = _holding(steps, quantity)
            yield _step(f"one price for {_units(below, step.up_to)}", _ONE, unit_price=step.tier_price)
        case _:
            assert_never(price_list)


def _graduated(tiers: Sequence[Tier], quantity: Decimal) -> Iterator[Step]:
    _holding(tiers, quantity)
    below = ZERO
    for tier in tiers:
        if quantity <= below:
            return
        top = quantity if tier.up_to is None else min(quantity, tier.up_to)
        yield _step(_units(below, top), EXACT.subtract(top, below), unit_price=tier.unit_price)
        yield from _flat_fee(below, tier)
        below = top


def _flat_fee(below: Decimal, tier: Tier) -> Iterator[Step]:
    if tier.flat_fee:
        yield _step(f"flat fee of {_units(below, tier.up_to)}", _ONE, unit_price=tier.flat_fee)


def _step(description: str, quantity: Decimal, *, unit_price: Decimal) -> Step:
    return Step(description, quantity, unit_price, EXACT.multiply(quantity, unit_price))


def _holding(tiers: Sequence[_AnyTier], quantity: Decimal) -> tuple[Decimal, _AnyTier]:
    """The tier that a quantity above zero falls into, and where the tier before it ends."""
    below = ZERO
    for tier in tiers:
        if tier.up_to is None or quantity <= tier.up_to:
            return below, tier
        below = tier.up_to
    raise ValueError("no tier holds the quantity: the last tier must be unbounded")


def _blocks(quantity: Decimal, block_size: Decimal) -> Decimal:
    if block_size <= 0:
        raise ValueError("a block has a size above zero")
    if quantity <= 0:
        return ZERO
    with exact():
        blocks, started = divmod(quantity, block_size)
        return blocks + 1 if started else blocks


def _counted(quantity: Decimal, noun: str) -> str:
    return f"{format_decimal(quantity)} {noun}{'' if quantity == 1 else 's'}"


def _units(below: Decimal, top: Decimal | None) -> str:
    """Name the units above `below` up to `top`: as whole units where both ends are whole."""
    if not _is_whole(below) or (top is not None and not _is_whole(top)):
        return f"units above {format_decimal(below)}" + ("" if top is None else f" up to {format_decimal(top)}")
    first = EXACT.add(below, _ONE)
    if top is None:
        return f"units {format_decimal(first)} and above"
    return f"unit {format_decimal(top)}" if first == top else f"units {format_decimal(first)}–{format_decimal(top)}"


def _is_whole(value: Decimal) -> bool:
    return value.as_integer_ratio()[1] == 1


def _negative(prices: dict[str, Decimal]) -> list[FieldViolation]:
    return [FieldViolation(path, "must be zero or more") for path, amount in prices.items() if amount < 0]


def _misordered(ends: Sequence[Decimal | None], path: str) -> list[FieldViolation]:
    """Tiers must ascend from zero, and the last one, and only it, must be unbounded."""
    if not ends:
        return [FieldViolation(f"{path}.tiers", "must have at least one tier")]
    found = []
    below = ZERO
    for i, end in enumerate(ends[:-1]):
        if end is None:
            found.append(FieldViolation(f"{path}.tiers[{i}].up_to", "must be a number: only the last tier has no end"))
        elif end <= below:
            found.append(FieldViolation(f"{path}.tiers[{i}].up_to", f"must be above {format_decimal(below)}"))
        below = below if end is None else max(below, end)
    if ends[-1] is not None:
        last = f"{path}.tiers[{len(ends) - 1}].up_to"
        found.append(FieldViolation(last, "must be left out: the last tier has no end"))
    return found
