"""Repeating periods: computed from one anchor, on local wall time, so that a clock change moves no boundary.

Period *n* is computed from the original anchor, never from the last boundary: 31 Jan → 28 Feb → 31 Mar. A local time
that does not exist moves forward by the gap, one that exists twice is the first, and a local day that a zone left out
has no period. Hours are absolute.

Zones are read from the pinned ``tzdata`` package and not from the machine, so that all replicas agree on each boundary.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from kernel.errors import FieldViolation, invalid
from kernel.period import BillingPeriod, Period, utc

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_LAST_YEAR: Final = 9999


class Interval(StrEnum):
    """The length of one period; all but the hour follow the local calendar."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"

    @classmethod
    def of(cls, billing_period: BillingPeriod) -> "Interval":
        """The interval whose recurrence gives a subscription's billing periods."""
        match billing_period:
            case BillingPeriod.MONTHLY:
                return cls.MONTH
            case BillingPeriod.QUARTERLY:
                return cls.QUARTER
            case BillingPeriod.YEARLY:
                return cls.YEAR
            case _:
                assert_never(billing_period)


_MONTHS: Final = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}


def zone(name: str, path: str = "zone") -> ZoneInfo:
    """The IANA time zone of that name, spelled exactly so; its name is its ``key``.

    Raises:
        TollkeeperError: `INVALID_ARGUMENT` naming `path` when there is none.
    """
    if name not in _zone_names():
        raise invalid(FieldViolation(path, "must be the name of an IANA time zone, such as Europe/Berlin or UTC"))
    return _load_zone(name)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Adjacent periods from an anchor on, numbered from 0; period 0 begins at the anchor itself.

    Boundaries are strictly increasing, and each period ends where the next begins. Callers that ask often keep the
    `Period` they got and ask again only when it no longer contains the instant.

    Attributes:
        interval: The length of a period.
        anchor: Where the first period begins; kept in UTC.
        zone: The IANA zone whose wall time the boundaries keep.

    Raises:
        TollkeeperError: The zone is unknown.
        ValueError: The anchor is naive.
        OverflowError: From any method, for a period that reaches beyond the year 9999; see `kernel.period.check_time`.
    """

    interval: Interval
    anchor: datetime
    zone: str = "UTC"
    _tz: ZoneInfo = field(init=False, repr=False, compare=False)
    _wall: datetime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor", utc(self.anchor))
        object.__setattr__(self, "_tz", zone(self.zone))
        object.__setattr__(self, "_wall", self.anchor.astimezone(self._tz).replace(tzinfo=None, fold=0))

    def period(self, n: int) -> Period:
        """The period of that number.

        Raises:
            ValueError: `n` is below zero.
        """
        if n < 0:
            raise ValueError("periods are numbered from 0")
        return Period(self._boundary(n), self._boundary(n + 1))

    def period_at(self, at: datetime) -> Period | None:
        """The period that contains the instant; None before the anchor.

        Raises:
            ValueError: The instant is naive.
        """
        at = utc(at)
        return None if at < self.anchor else self._locate(at)[1]

    def index_at(self, at: datetime) -> int:
        """The number of the period that contains the instant, without walking from the anchor.

        Raises:
            ValueError: The instant is before the anchor, or naive.
        """
        at = utc(at)
        if at < self.anchor:
            raise ValueError("no period contains an instant before the anchor")
        return self._locate(at)[0]

    def _locate(self, at: datetime) -> tuple[int, Period]:
        n = self._nominal_index(at)
        start, end = self._boundary(n), self._boundary(n + 1)
        # The calendar alone is off by one: before the boundary of its day, in a repeated hour, after a day left out.
        while at < start:
            n, start, end = n - 1, self._boundary(n - 1), start
        while at >= end:
            n, start, end = n + 1, end, self._boundary(n + 2)
        return n, Period(start, end)

    def _nominal_index(self, at: datetime) -> int:
        if self.interval is Interval.HOUR:
            return (at - self.anchor) // _HOUR
        wall = at.astimezone(self._tz).replace(tzinfo=None)
        match self.interval:
            case Interval.DAY:
                return (wall.date() - self._wall.date()).days
            case Interval.WEEK:
                return (wall.date() - self._wall.date()).days // 7
            case Interval.MONTH | Interval.QUARTER | Interval.YEAR:
                months = 12 * (wall.year - self._wall.year) + wall.month - self._wall.month
                return months // _MONTHS[self.interval]
            case _:
                assert_never(self.interval)

    def _boundary(self, n: int) -> datetime:
        if n <= 0:
            # Not by wall time: the anchor may be the second of a time that exists twice. (`_locate` may ask for -1.)
            return self.anchor if n == 0 else self.anchor + n * _DAY
        match self.interval:
            case Interval.HOUR:
                return self.anchor + n * _HOUR
            case Interval.DAY:
                return _instant(self._nth_day(n), self._tz)
            case Interval.WEEK:
                return _instant(self._wall + 7 * n * _DAY, self._tz)
            case Interval.MONTH | Interval.QUARTER | Interval.YEAR:
                return _instant(_add_months(self._wall, n * _MONTHS[self.interval]), self._tz)
            case _:
                assert_never(self.interval)

    def _nth_day(self, n: int) -> datetime:
        wall = self._wall + n * _DAY
        for skipped in _skipped_days(self.zone):
            if self._wall.date() < skipped <= wall.date():
                wall += _DAY
        return wall


def calendar_anchor(interval: Interval, at: datetime, *, zone: str, week_start: int = 0) -> datetime:
    """Where a recurrence that follows the calendar is anchored: the start of the local unit that contains `at`, in UTC.

    Where a clock change swallowed that start (midnight of a day that begins at 01:00), it is the start of the last unit
    before that has one: so every later boundary still falls on the calendar, and `period_at` gives the unit of `at`.

    Args:
        interval: The unit: hour, day, week, month, quarter (from January on) or year.
        at: An aware instant.
        zone: IANA name.
        week_start: The first day of the week, Monday 0 to Sunday 6.

    Raises:
        TollkeeperError: The zone is unknown.
        ValueError: `week_start` is not from 0 to 6, or `at` is naive.
    """
    if not 0 <= week_start <= 6:
        raise ValueError("a week starts on a day from 0 (Monday) to 6 (Sunday)")
    at = utc(at)
    tz = _zone_of(zone)
    wall = at.astimezone(tz).replace(tzinfo=None, fold=0)
    if interval is Interval.HOUR:
        return at - timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
    start = _floor(interval, wall, week_start=week_start)
    while not _exists(start, tz):
        start = _floor(interval, start - _DAY, week_start=week_start)
    return _instant(start, tz)


_zone_of = zone  # `calendar_anchor` has an argument of that name.


def _floor(interval: Interval, wall: datetime, *, week_start: int) -> datetime:
    day = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    match interval:
        case Interval.HOUR:
            return wall.replace(minute=0, second=0, microsecond=0)
        case Interval.DAY:
            return day
        case Interval.WEEK:
            return day - (day.weekday() - week_start) % 7 * _DAY
        case Interval.MONTH:
            return day.replace(day=1)
        case Interval.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case Interval.YEAR:
            return day.replace(month=1, day=1)
        case _:
            assert_never(interval)


def _add_months(wall: datetime, months: int) -> datetime:
    """The same day and time that many months later; the month's last day where it is shorter."""
    year, month0 = divmod(12 * wall.year + wall.month - 1 + months, 12)
    if year > _LAST_YEAR:
        raise OverflowError("the calendar ends with the year 9999")
    return wall.replace(year=year, month=month0 + 1, day=min(wall.day, monthrange(year, month0 + 1)[1]))


def _instant(wall: datetime, tz: ZoneInfo) -> datetime:
    # With fold 0 zoneinfo takes the offset before a gap, which moves forward by the gap, and the first of two.
    return wall.replace(tzinfo=tz).astimezone(UTC)


def _exists(wall: datetime, tz: ZoneInfo) -> bool:
    return _instant(wall, tz).astimezone(tz).replace(tzinfo=None, fold=0) == wall


@cache
def _zone_names() -> frozenset[str]:
    # "Factory" is the database's word for a zone that was never set.
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split()) - {"Factory"}


@cache
def _load_zone(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def _skipped_days(name: str) -> tuple[date, ...]:
    """The local days that the zone left out when it crossed the date line, such as 30 December 2011 in Apia.

    Found by looking for an offset that grows by about a day between two samples, up to 2037: the rules after that are
    yearly and never do that.
    """
    tz = _load_zone(name)
    noons = [datetime(1900, 1, 1, 12, tzinfo=tz) + 90 * _DAY * i for i in range(4 * 140)]
    found: list[date] = []
    for before, after in pairwise(noons):
        if _offset(after) - _offset(before) >= 20 * _HOUR:
            days = (before.replace(tzinfo=None) + _DAY * i for i in range(91))
            found += [day.date() for day in days if not _exists(day, tz)]
    return tuple(found)


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta(0)
