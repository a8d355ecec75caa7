"""Prices, rounding and calendar of an accountant with patience: exact fractions, and nothing of the service's own."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, floor

from kernel.recurrence import zone

MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "YEARLY": 12}


@dataclass(frozen=True)
class Price:
    """One of the five models; a tier is (end or None, price of a unit or of the tier, flat fee)."""

    model: str
    unit: Fraction = Fraction(0)
    block: int = 1
    tiers: tuple[tuple[Fraction | None, Fraction, Fraction], ...] = ()

    def of(self, quantity: Fraction) -> Fraction:
        """What the quantity costs."""
        if quantity <= 0:
            return Fraction(0)
        match self.model:
            case "FLAT_RATE":
                return self.unit * quantity
            case "PACKAGE":
                return self.unit * ceil(quantity / self.block)
            case "GRADUATED":
                return self._graduated(quantity)
        _, each, fee = next(tier for tier in self.tiers if tier[0] is None or quantity <= tier[0])
        return each * quantity + fee if self.model == "VOLUME" else each

    def _graduated(self, quantity: Fraction) -> Fraction:
        due = below = Fraction(0)
        for end, each, fee in self.tiers:
            top = quantity if end is None else min(end, quantity)
            if top > below:
                due += each * (top - below) + fee
                below = top
        return due


def added(amounts: Iterable[Fraction]) -> Fraction:
    """The sum."""
    return sum(amounts, Fraction(0))


def rounded(amount: Fraction, digits: int) -> Fraction:
    """Half away from zero, to so many digits after the point."""
    units = floor(abs(amount) * 10**digits + Fraction(1, 2))
    return Fraction(units if amount >= 0 else -units, 10**digits)


def share(start: datetime, end: datetime, whole: timedelta) -> Fraction:
    """The part that a span of time is of a period."""
    microsecond = timedelta(microseconds=1)
    return Fraction(max((end - start) // microsecond, 0), whole // microsecond)


def months_later(anchor: datetime, months: int, time_zone: str) -> datetime:
    """The same local day and time so many months later, or the month's last day; in a gap, as far behind it."""
    if not months:
        return anchor
    local = anchor.astimezone(zone(time_zone)).replace(tzinfo=None, fold=0)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, tzinfo=zone(time_zone)).astimezone(UTC)
