"""Boundaries on local wall time: month ends, leap days, clock changes, days that never were."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod, Period
from kernel.recurrence import Interval, Recurrence, calendar_anchor, zone


def local(text: str, name: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(name), fold=fold)


def starts(recurrence: Recurrence, count: int) -> list[str]:
    """The first boundaries, as the local clock shows them."""
    tz = ZoneInfo(recurrence.zone)
    return [recurrence.period(n).start.astimezone(tz).isoformat(timespec="minutes") for n in range(count)]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("interval", "anchor", "name", "expected"),
    [
        (Interval.MONTH, "2026-01-31T10:00", "UTC", ["2026-01-31T10:00+00:00", "2026-02-28T10:00+00:00",
            "2026-03-31T10:00+00:00", "2026-04-30T10:00+00:00"]),
        (Interval.MONTH, "2023-12-30T00:00", "UTC", ["2023-12-30T00:00+00:00", "2024-01-30T00:00+00:00",
            "2024-02-29T00:00+00:00", "2024-03-30T00:00+00:00"]),
        (Interval.QUARTER, "2025-11-30T00:00", "UTC", ["2025-11-30T00:00+00:00", "2026-02-28T00:00+00:00",
            "2026-05-30T00:00+00:00"]),
        (Interval.YEAR, "2024-02-29T12:00", "UTC", ["2024-02-29T12:00+00:00", "2025-02-28T12:00+00:00",
            "2026-02-28T12:00+00:00", "2027-02-28T12:00+00:00", "2028-02-29T12:00+00:00"]),
        (Interval.WEEK, "2026-02-26T09:30", "UTC", ["2026-02-26T09:30+00:00", "2026-03-05T09:30+00:00"]),
        # A clock change moves no boundary.
        (Interval.MONTH, "2026-02-15T09:00", "America/New_York", ["2026-02-15T09:00-05:00", "2026-03-15T09:00-04:00",
            "2026-04-15T09:00-04:00"]),
        (Interval.DAY, "2026-03-28T00:00", "Europe/Berlin", ["2026-03-28T00:00+01:00", "2026-03-29T00:00+01:00",
            "2026-03-30T00:00+02:00"]),
        # A local time that does not exist moves forward by the gap, and the next day is back.
        (Interval.DAY, "2026-03-07T02:30", "America/New_York", ["2026-03-07T02:30-05:00", "2026-03-08T03:30-04:00",
            "2026-03-09T02:30-04:00"]),
        (Interval.DAY, "2026-10-03T02:15", "Australia/Lord_Howe", ["2026-10-03T02:15+10:30",
            "2026-10-04T02:45+11:00", "2026-10-05T02:15+11:00"]),
        (Interval.DAY, "2018-11-03T00:00", "America/Sao_Paulo", ["2018-11-03T00:00-03:00", "2018-11-04T01:00-02:00",
            "2018-11-05T00:00-02:00"]),
        # One that exists twice is the first.
        (Interval.DAY, "2026-10-31T01:30", "America/New_York", ["2026-10-31T01:30-04:00", "2026-11-01T01:30-04:00",
            "2026-11-02T01:30-05:00"]),
        (Interval.DAY, "2026-04-04T01:45", "Australia/Lord_Howe", ["2026-04-04T01:45+11:00",
            "2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]),
        (Interval.DAY, "2018-02-16T23:30", "America/Sao_Paulo", ["2018-02-16T23:30-02:00",
            "2018-02-17T23:30-02:00", "2018-02-18T23:30-03:00"]),
        # Days that a zone left out have no period.
        (Interval.DAY, "2011-12-28T10:00", "Pacific/Apia", ["2011-12-28T10:00-10:00", "2011-12-29T10:00-10:00",
            "2011-12-31T10:00+14:00", "2012-01-01T10:00+14:00"]),
        (Interval.DAY, "1993-08-20T00:00", "Pacific/Kwajalein", ["1993-08-20T00:00-12:00", "1993-08-22T00:00+12:00"]),
        (Interval.WEEK, "2011-12-23T10:00", "Pacific/Apia", ["2011-12-23T10:00-10:00", "2011-12-31T10:00+14:00",
            "2012-01-06T10:00+14:00"]),
        (Interval.MONTH, "2011-11-30T10:00", "Pacific/Apia", ["2011-11-30T10:00-10:00", "2011-12-31T10:00+14:00",
            "2012-01-30T10:00+14:00"]),
        # Hours are absolute: the hour that is missing takes no time, the one that comes twice is two.
        (Interval.HOUR, "2026-03-08T01:00", "America/New_York", ["2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00"]),
        (Interval.HOUR, "2026-11-01T01:00", "America/New_York", ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00",
            "2026-11-01T02:00-05:00"]),
    ],
)  # fmt: skip
def test_boundaries(interval: Interval, *, anchor: str, name: str, expected: list[str]) -> None:
    recurrence = Recurrence(interval, local(anchor, name), name)
    assert starts(recurrence, len(expected)) == expected
    for n in range(len(expected)):
        period = recurrence.period(n)
        assert period.end == recurrence.period(n + 1).start > period.start
        assert recurrence.index_at(period.start) == recurrence.index_at(period.end - timedelta(microseconds=1)) == n


def test_the_anchor_may_be_the_second_of_two() -> None:
    anchor = local("2026-11-01T01:30", "America/New_York", fold=1)
    recurrence = Recurrence(Interval.DAY, anchor, "America/New_York")
    assert starts(recurrence, 2) == ["2026-11-01T01:30-05:00", "2026-11-02T01:30-05:00"]
    assert recurrence.period_at(anchor) == recurrence.period(0)


def test_a_day_that_begins_twice_begins_at_the_first() -> None:
    # Until 2011 St. John's turned its clock back at 00:01, to 23:01 of the day before.
    recurrence = Recurrence(Interval.DAY, local("2009-10-31T00:00", "America/St_Johns"), "America/St_Johns")
    assert recurrence.period(1).start == instant("2009-11-01T00:00-02:30")
    assert recurrence.index_at(instant("2009-10-31T23:30-03:30")) == 1


def test_nothing_is_before_the_anchor() -> None:
    recurrence = Recurrence(Interval.MONTH, instant("2026-01-31T10:00+00:00"))
    before = recurrence.anchor - timedelta(microseconds=1)
    assert recurrence.period_at(before) is None
    with pytest.raises(ValueError, match="before the anchor"):
        recurrence.index_at(before)
    with pytest.raises(ValueError, match="numbered from 0"):
        recurrence.period(-1)


def test_naive_times_are_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    recurrence = Recurrence(Interval.DAY, instant("2026-01-01T00:00+00:00"))
    for ask in (recurrence.period_at, recurrence.index_at, lambda at: Recurrence(Interval.DAY, at)):
        with pytest.raises(ValueError, match="zone"):
            ask(naive)


def test_equal_recurrences_are_equal_whatever_the_anchors_zone() -> None:
    one = Recurrence(Interval.DAY, instant("2026-01-01T00:00+00:00"), "Europe/Berlin")
    assert one == Recurrence(Interval.DAY, local("2026-01-01T01:00", "Europe/Berlin"), "Europe/Berlin")
    assert len({one, Recurrence(Interval.DAY, one.anchor, "Europe/Berlin")}) == 1


def test_the_calendar_ends() -> None:
    for interval in Interval:
        recurrence = Recurrence(interval, instant("2026-01-01T00:00+00:00"))
        with pytest.raises(OverflowError):
            recurrence.period(10**9)


def test_billing_periods_recur() -> None:
    assert [Interval.of(period) for period in BillingPeriod] == [Interval.MONTH, Interval.QUARTER, Interval.YEAR]


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
def test_knows_iana_zones(name: str) -> None:
    assert zone(name).key == name
    assert zone(name) is zone(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", "Mars/Olympus", "europe/berlin", "Europe", "Europe/", "/Europe/Berlin", "../Europe/Berlin", "Factory",
        "Europe/../Europe/Berlin", "localtime", "zone.tab", "posixrules", "__init__.py", "UTC\x00", "\ud800", "é"],
)  # fmt: skip
def test_refuses_other_names(name: str) -> None:
    with pytest.raises(TollkeeperError) as refusal:
        zone(name, "time_zone")
    assert refusal.value.violations[0].path == "time_zone"
    with pytest.raises(TollkeeperError):
        Recurrence(Interval.DAY, instant("2026-01-01T00:00+00:00"), name)


@pytest.mark.parametrize(
    ("interval", "name", "at", "expected"),
    [
        (Interval.HOUR, "UTC", "2026-05-13T14:35:10+00:00", "2026-05-13T14:00+00:00"),
        (Interval.HOUR, "Asia/Kolkata", "2026-05-13T14:35:10+05:30", "2026-05-13T14:00+05:30"),
        (Interval.DAY, "America/New_York", "2026-05-14T03:00+00:00", "2026-05-13T00:00-04:00"),
        (Interval.WEEK, "UTC", "2026-05-13T14:35+00:00", "2026-05-11T00:00+00:00"),
        (Interval.MONTH, "Europe/Berlin", "2026-04-30T22:30+00:00", "2026-05-01T00:00+02:00"),
        (Interval.QUARTER, "UTC", "2026-05-13T14:35+00:00", "2026-04-01T00:00+00:00"),
        (Interval.QUARTER, "UTC", "2026-12-31T23:59+00:00", "2026-10-01T00:00+00:00"),
        (Interval.YEAR, "Asia/Tokyo", "2026-12-31T15:00+00:00", "2027-01-01T00:00+09:00"),
        # A day that begins at 01:00 is anchored at the midnight before.
        (Interval.DAY, "America/Sao_Paulo", "2018-11-04T12:00-02:00", "2018-11-03T00:00-03:00"),
        (Interval.DAY, "America/St_Johns", "2009-10-31T23:30-03:30", "2009-10-31T00:00-02:30"),
    ],
)
def test_calendar_anchors(interval: Interval, name: str, *, at: str, expected: str) -> None:
    anchor = calendar_anchor(interval, instant(at), zone=name)
    assert anchor == instant(expected)
    period = Recurrence(interval, anchor, name).period_at(instant(at))
    assert period is not None
    assert period.contains(instant(at))


@pytest.mark.parametrize(("week_start", "day"), [(0, 11), (1, 12), (2, 13), (3, 7), (4, 8), (5, 9), (6, 10)])
def test_a_week_begins_on_the_chosen_day(week_start: int, day: int) -> None:
    wednesday = instant("2026-05-13T14:35+00:00")
    anchor = calendar_anchor(Interval.WEEK, wednesday, zone="UTC", week_start=week_start)
    assert anchor == datetime(2026, 5, day, tzinfo=UTC)


def test_calendar_resets_stay_at_midnight_after_a_day_without_one() -> None:
    at = instant("2018-11-04T12:00-02:00")
    recurrence = Recurrence(
        Interval.DAY, calendar_anchor(Interval.DAY, at, zone="America/Sao_Paulo"), "America/Sao_Paulo"
    )
    assert recurrence.period_at(at) == Period(instant("2018-11-04T01:00-02:00"), instant("2018-11-05T00:00-02:00"))


def test_a_week_has_seven_days() -> None:
    for wrong in (-1, 7):
        with pytest.raises(ValueError, match="week"):
            calendar_anchor(Interval.WEEK, instant("2026-05-13T14:35+00:00"), zone="UTC", week_start=wrong)


def test_a_calendar_anchor_needs_a_zone() -> None:
    with pytest.raises(TollkeeperError):
        calendar_anchor(Interval.DAY, instant("2026-05-13T14:35+00:00"), zone="Mars/Olympus")
