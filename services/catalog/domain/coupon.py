"""A coupon: a reduction of a subscription's invoices. What it takes off, and for how long, is fixed at creation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from catalog.domain.choice import check_choice
from catalog.domain.number import canonical, check_positive
from catalog.domain.text import check_count, check_names, check_unique
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.money import currency
from kernel.quantity import parse_decimal, round_half_away

_MAX_PERCENT: Final = Decimal(100)
_PERCENT_PLACES: Final = 4
# About as many currencies as there are with customers.
MAX_AMOUNTS: Final = 50
# Ten years; longer is for ever.
MAX_MONTHS: Final = 120


class CouponDuration(StrEnum):
    """How long a coupon counts."""

    ONCE = "ONCE"
    MONTHS = "MONTHS"
    FOREVER = "FOREVER"


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A part of every charge, as a decimal text."""

    percent: str


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of one currency in major units, as a decimal text."""

    currency: str
    amount: str


@dataclass(frozen=True, slots=True)
class FixedDiscount:
    """A fixed amount for each currency; settled: in the order of the currencies' codes."""

    amounts: tuple[Amount, ...]


Discount = PercentOff | FixedDiscount


@dataclass(frozen=True, slots=True)
class CouponSpec:
    """What a vendor says of a coupon.

    Attributes:
        duration_months: For `MONTHS`; 0 otherwise.
    """

    id: str
    display_name: str
    description: str
    discount: Discount | None
    duration: CouponDuration | None
    duration_months: int = 0
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon as the catalog holds it."""

    spec: CouponSpec
    revision: int
    create_time: datetime
    update_time: datetime

    @property
    def id(self) -> str:
        """Its id."""
        return self.spec.id


def check_coupon(spec: CouponSpec, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a coupon."""
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    check_names(spec.display_name, spec.description, path=path, mistakes=mistakes)
    match spec.discount:
        case None:
            mistakes.add(f"{path}.discount", "must be percent_off or amount_off")
        case PercentOff(percent=percent):
            _check_percent(percent, f"{path}.percent_off", mistakes)
        case FixedDiscount(amounts=amounts):
            _check_amounts(amounts, f"{path}.amount_off.amounts", mistakes)
    check_choice(spec.duration, CouponDuration, path=f"{path}.duration", mistakes=mistakes)
    if spec.duration is CouponDuration.MONTHS:
        if not 1 <= spec.duration_months <= MAX_MONTHS:
            mistakes.add(f"{path}.duration_months", f"must be 1 to {MAX_MONTHS} months")
    elif spec.duration_months:
        mistakes.add(f"{path}.duration_months", "must be left out: only a duration of MONTHS counts them")


def settle_coupon(spec: CouponSpec) -> CouponSpec:
    """The checked coupon with its defaults filled in and its numbers canonical."""
    match spec.discount:
        case PercentOff(percent=percent):
            discount: Discount | None = PercentOff(canonical(percent))
        case FixedDiscount(amounts=amounts):
            canonical_amounts = (Amount(each.currency, canonical(each.amount)) for each in amounts)
            discount = FixedDiscount(tuple(sorted(canonical_amounts, key=lambda each: each.currency)))
        case None:
            discount = None
    return replace(spec, display_name=spec.display_name or spec.id, discount=discount)


def create_coupon(spec: CouponSpec, now: datetime, *, revision: int) -> Coupon:
    """A new coupon of a settled spec."""
    return Coupon(spec, revision, now, now)


def change_coupon(coupon: Coupon, spec: CouponSpec, now: datetime, *, revision: int) -> Coupon:
    """The coupon with what may change taken from a settled spec."""
    changed = replace(coupon.spec, display_name=spec.display_name, description=spec.description, archived=spec.archived)
    return replace(coupon, spec=changed, revision=revision, update_time=now)


def fixed_coupon_differences(old: CouponSpec, new: CouponSpec) -> Iterator[tuple[str, str]]:
    """Where `new` breaks what a coupon keeps for ever: the field within the coupon, and a sentence. Both are settled."""
    message = "never changes: make a new coupon instead"
    if old.discount != new.discount:
        yield "percent_off" if isinstance(new.discount, PercentOff) else "amount_off", message
    if old.duration is not new.duration:
        yield "duration", message
    elif old.duration_months != new.duration_months:
        yield "duration_months", message


def _check_percent(text: str, path: str, mistakes: Mistakes) -> None:
    percent = mistakes.attempt(parse_decimal, text, path, places=_PERCENT_PLACES)
    if percent is not None and not 0 < percent <= _MAX_PERCENT:
        mistakes.add(path, "must be above 0 and at most 100")


def _check_amounts(amounts: tuple[Amount, ...], path: str, mistakes: Mistakes) -> None:
    check_count(amounts, path, mistakes, least=1, most=MAX_AMOUNTS)
    check_unique([each.currency for each in amounts], path, mistakes, field="currency")
    for number, each in enumerate(amounts):
        where = f"{path}[{number}]"
        known = mistakes.attempt(currency, each.currency, f"{where}.currency")
        amount = check_positive(each.amount, f"{where}.amount", mistakes)
        if known is not None and amount is not None and round_half_away(amount, known.minor_digits) != amount:
            message = f"must be a whole number of {known.code}'s minor units: {_digits(known.minor_digits)}"
            mistakes.add(f"{where}.amount", message)


def _digits(places: int) -> str:
    return f"at most {places} digits after the point" if places else "no digits after the point"
