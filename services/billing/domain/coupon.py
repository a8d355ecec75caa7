"""Coupons of a subscription: what they take off, and for how long."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from kernel.errors import TollkeeperError, precondition
from kernel.money import Money
from kernel.quantity import format_decimal
from kernel.recurrence import Interval, Recurrence

# A person can still read an invoice with so many; ended ones count as well.
MOST_COUPONS = 20


class Duration(StrEnum):
    """How long a coupon counts."""

    ONCE = "ONCE"
    MONTHS = "MONTHS"
    FOREVER = "FOREVER"


@dataclass(frozen=True, slots=True)
class Coupon:
    """What the catalog says of a coupon, fixed for ever.

    Attributes:
        percent_off: Above 0, at most 100; None for one with fixed amounts.
        amounts_off: One per currency; none for one with a percentage.
        months: For `MONTHS`.
    """

    id: str
    name: str
    percent_off: Decimal | None
    amounts_off: tuple[Money, ...]
    duration: Duration
    months: int

    def amount_off(self, currency_code: str) -> Money | None:
        """The fixed amount in a currency; None where it takes none off."""
        return next((money for money in self.amounts_off if money.currency.code == currency_code), None)

    @property
    def description(self) -> str:
        """What people read on an invoice."""
        return self.name if self.percent_off is None else f"{self.name}: {format_decimal(self.percent_off)} % off"


@dataclass(frozen=True, slots=True)
class AppliedCoupon:
    """A coupon of a subscription, from `start_time` up to `end_time`; None: for ever, or until it reduced an invoice."""

    coupon: Coupon
    start_time: datetime
    end_time: datetime | None

    def counts(self, at: datetime) -> bool:
        """Whether it takes off what is charged at the instant."""
        return self.start_time <= at and (self.end_time is None or at < self.end_time)


def apply_coupons(
    held: tuple[AppliedCoupon, ...],
    coupons: tuple[Coupon, ...],
    *,
    at: datetime,
    currency_code: str,
    time_zone: str,
    path: str,
) -> tuple[AppliedCoupon, ...]:
    """The coupons of a subscription after some more were applied; `path` is the caller's field that names them.

    Raises:
        TollkeeperError: `COUPON_NOT_APPLICABLE`.
    """
    found = list(held)
    for i, coupon in enumerate(coupons):
        if coupon.percent_off is None and coupon.amount_off(currency_code) is None:
            raise _not_applicable(coupon.id, f"takes nothing off in {currency_code}").at(f"{path}[{i}]")
        if any(one.coupon.id == coupon.id and one.counts(at) for one in found):
            raise _not_applicable(coupon.id, "counts for the subscription already").at(f"{path}[{i}]")
        found.append(AppliedCoupon(coupon, at, _end_time(coupon, at, time_zone)))
    if len(found) > MOST_COUPONS:
        raise _not_applicable(coupons[-1].id, f"would be one of more than {MOST_COUPONS} of the subscription").at(path)
    return tuple(found)


def remove_coupons(
    held: tuple[AppliedCoupon, ...], coupon_ids: tuple[str, ...], at: datetime
) -> tuple[AppliedCoupon, ...]:
    """The coupons of a subscription after some were taken away: they count no more."""
    return tuple(replace(one, end_time=at) if one.coupon.id in coupon_ids and one.counts(at) else one for one in held)


def give_back_used(held: tuple[AppliedCoupon, ...], coupon_ids: Collection[str]) -> tuple[AppliedCoupon, ...]:
    """The coupons of a subscription after an invoice that they had reduced became void: what counts once counts again."""
    last = {one.coupon.id: i for i, one in enumerate(held) if one.coupon.duration is Duration.ONCE}
    again = {last[coupon_id] for coupon_id in coupon_ids if coupon_id in last}
    return tuple(replace(one, end_time=None) if i in again else one for i, one in enumerate(held))


def _end_time(coupon: Coupon, start: datetime, time_zone: str) -> datetime | None:
    if coupon.duration is not Duration.MONTHS:
        return None
    return Recurrence(Interval.MONTH, start, time_zone).period(coupon.months).start


def _not_applicable(coupon_id: str, why: str) -> TollkeeperError:
    return precondition("COUPON_NOT_APPLICABLE", f"The coupon {coupon_id} {why}.", coupon_id=coupon_id)
