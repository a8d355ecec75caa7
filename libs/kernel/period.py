"""Spans of time: half-open, in UTC, exact to the microsecond."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from kernel.errors import FieldViolation, invalid

# What the platform accepts as a time: inside, every period of every zone can be computed without leaving the calendar.
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)

_MICROSECOND: Final = timedelta(microseconds=1)


class BillingPeriod(StrEnum):
    """How often an in-advance charge is due."""

    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    YEARLY = "YEARLY"

    @property
    def months(self) -> int:
        """Calendar months of one period."""
        return _MONTHS[self]


_MONTHS: Final = {BillingPeriod.MONTHLY: 1, BillingPeriod.QUARTERLY: 3, BillingPeriod.YEARLY: 12}


def utc(at: datetime) -> datetime:
    """The same instant with `datetime.UTC` as its zone.

    Raises:
        ValueError: `at` is naive, so that nobody knows which instant it is.
    """
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise ValueError("a time needs a zone")
    return at.astimezone(UTC)


def check_time(at: datetime, path: str) -> datetime:
    """The instant in UTC, from 1900 up to the year 9000.

    Raises:
        TollkeeperError: `INVALID_ARGUMENT` naming `path` when it is outside, or naive.
    """
    if at.utcoffset() is None or not EARLIEST <= at < LATEST:
        raise invalid(FieldViolation(path, "must be a time with a zone between the years 1900 and 9000"))
    return utc(at)


@dataclass(frozen=True, slots=True)
class Period:
    """The instants from `start` up to, but without, `end`; both are kept in UTC. Empty when they are equal.

    Raises:
        ValueError: A bound is naive, or the end is before the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        if self.end < self.start:
            raise ValueError("a period does not end before it starts")

    @property
    def duration(self) -> timedelta:
        """From start to end, exact to the microsecond."""
        return self.end - self.start

    @property
    def microseconds(self) -> int:
        """The duration as a whole number."""
        return self.duration // _MICROSECOND

    def contains(self, at: datetime) -> bool:
        """Whether the instant lies in ``[start, end)``."""
        return self.start <= at < self.end

    def remaining_fraction(self, at: datetime) -> Fraction:
        """The part of the period from `at` to its end, by exact time: 1 before the start, 0 from the end on.

        An empty period has nothing remaining: 0, so that it costs nothing.
        """
        return self.fraction(max(self.start, utc(at)), self.end)

    def fraction(self, start: datetime, end: datetime) -> Fraction:
        """The part of the period that lies in ``[start, end)``, from 0 to 1."""
        whole = self.microseconds
        inside = min(utc(end), self.end) - max(utc(start), self.start)
        return Fraction(max(inside // _MICROSECOND, 0), whole) if whole else Fraction(0)
