"""When usage starts again at zero."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from catalog.domain.choice import Unknown, check_choice
from kernel.errors import Mistakes
from kernel.period import BillingPeriod


class ResetInterval(StrEnum):
    """How often usage resets."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"
    BILLING_PERIOD = "BILLING_PERIOD"


class ResetAnchor(StrEnum):
    """Where the periods of a reset begin."""

    SUBSCRIPTION_START = "SUBSCRIPTION_START"
    CALENDAR = "CALENDAR"


class Weekday(StrEnum):
    """The first day of a calendar week."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


@dataclass(frozen=True, slots=True)
class UsageReset:
    """How often usage starts again at zero, and from where its periods are counted."""

    interval: ResetInterval | None
    anchor: ResetAnchor | Unknown | None = None
    week_start: Weekday | Unknown | None = None


BY_BILLING_PERIOD: Final = UsageReset(ResetInterval.BILLING_PERIOD)

# A week divides no month, and so no quarter and no year. Local days and absolute hours divide every month: each boundary
# of a month is a boundary of a day at the same local time.
_DIVIDES: Final = {
    ResetInterval.HOUR: frozenset(BillingPeriod),
    ResetInterval.DAY: frozenset(BillingPeriod),
    ResetInterval.WEEK: frozenset[BillingPeriod](),
    ResetInterval.MONTH: frozenset(BillingPeriod),
    ResetInterval.YEAR: frozenset({BillingPeriod.YEARLY}),
    ResetInterval.BILLING_PERIOD: frozenset(BillingPeriod),
}


def divides(interval: ResetInterval, period: BillingPeriod) -> bool:
    """Whether every billing period consists of whole intervals."""
    return period in _DIVIDES[interval]


def check_reset(reset: UsageReset, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a reset itself; what it stands on has its own rules."""
    check_choice(reset.interval, ResetInterval, path=f"{path}.interval", mistakes=mistakes)
    check_choice(reset.anchor, ResetAnchor, path=f"{path}.anchor", mistakes=mistakes, required=False)
    check_choice(reset.week_start, Weekday, path=f"{path}.week_start", mistakes=mistakes, required=False)
    if reset.interval is ResetInterval.BILLING_PERIOD and reset.anchor is not None:
        mistakes.add(f"{path}.anchor", "must be left out: BILLING_PERIOD begins with the subscription's own periods")
    at_calendar_weeks = reset.interval is ResetInterval.WEEK and reset.anchor is ResetAnchor.CALENDAR
    if reset.week_start is not None and not at_calendar_weeks:
        mistakes.add(f"{path}.week_start", "must be left out: only a WEEK at the CALENDAR begins on a chosen day")


def settle_reset(reset: UsageReset | None) -> UsageReset | None:
    """The checked reset with its defaults filled in."""
    if reset is None or reset.interval is ResetInterval.BILLING_PERIOD:
        return reset
    anchor = reset.anchor or ResetAnchor.SUBSCRIPTION_START
    calendar_week = reset.interval is ResetInterval.WEEK and anchor is ResetAnchor.CALENDAR
    return replace(reset, anchor=anchor, week_start=(reset.week_start or Weekday.MONDAY) if calendar_week else None)
