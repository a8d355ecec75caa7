"""Laws of recurring periods, in every zone that there is."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernel.period import EARLIEST, Period
from kernel.recurrence import Interval, Recurrence, _zone_names, calendar_anchor, zone

LAWS = settings(deadline=None, max_examples=200)
INSTANT = timedelta(microseconds=1)
INTERVALS = st.sampled_from(Interval)
# Zones with a history: days left out, half-hour clock changes, changes at midnight, at 00:01, and of the rules.
STRANGE = ["Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati", "Australia/Lord_Howe", "America/Sao_Paulo",
    "America/St_Johns", "America/Havana", "Africa/Casablanca", "Asia/Gaza", "America/Toronto", "Antarctica/Troll",
    "Europe/Dublin", "Africa/Monrovia", "Asia/Kathmandu"]  # fmt: skip
ZONES = st.sampled_from(STRANGE) | st.sampled_from(sorted(_zone_names()))
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (its rule)
RECURRENCES = st.builds(Recurrence, INTERVALS, TIMES, ZONES)
NUMBERS = st.integers(0, 4000)


@LAWS
@given(RECURRENCES, NUMBERS)
@example(Recurrence(Interval.DAY, datetime(2011, 12, 1, tzinfo=UTC), "Pacific/Apia"), 28)
@example(Recurrence(Interval.DAY, datetime(2011, 12, 1, tzinfo=UTC), "Pacific/Apia"), 29)
def test_periods_are_adjacent_and_never_empty(recurrence: Recurrence, n: int) -> None:
    period = recurrence.period(n)
    assert period.start < period.end == recurrence.period(n + 1).start
    assert recurrence.period(0).start == recurrence.anchor


@LAWS
@given(RECURRENCES, NUMBERS)
def test_an_index_is_found_again_from_its_period(recurrence: Recurrence, n: int) -> None:
    period = recurrence.period(n)
    assert recurrence.index_at(period.start) == n
    assert recurrence.index_at(period.end - INSTANT) == n
    assert recurrence.index_at(period.end) == n + 1


@LAWS
@given(RECURRENCES, TIMES)
def test_the_period_of_a_time_contains_it(recurrence: Recurrence, at: datetime) -> None:
    period = recurrence.period_at(at)
    if period is None:
        assert at < recurrence.anchor
    else:
        assert period.contains(at)
        assert recurrence.period(recurrence.index_at(at)) == period


@LAWS
@given(st.builds(Recurrence, st.sampled_from([Interval.DAY, Interval.WEEK]), TIMES, ZONES), NUMBERS)
def test_a_clock_change_moves_no_boundary(recurrence: Recurrence, n: int) -> None:
    tz = zone(recurrence.zone)
    anchor, start = (at.astimezone(tz).replace(fold=0) for at in (recurrence.anchor, recurrence.period(n).start))
    if start.time() != anchor.time():
        # Only where the clock never showed that time, and then by the gap.
        wall = datetime.combine(start.date(), anchor.time())
        meant = wall - timedelta(days=1) if start.time() < anchor.time() else wall
        assert meant.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None) != meant


@LAWS
@given(st.sampled_from([Interval.MONTH, Interval.QUARTER, Interval.YEAR]), TIMES, NUMBERS)
def test_months_are_counted_from_the_anchor(interval: Interval, anchor: datetime, n: int) -> None:
    start = Recurrence(interval, anchor).period(n).start
    months = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}[interval]
    assert 12 * (start.year - anchor.year) + start.month - anchor.month == n * months
    assert start.time() == anchor.time()
    assert start.day == anchor.day or (start + timedelta(days=1)).month != start.month


@LAWS
@given(INTERVALS, TIMES, ZONES, st.integers(0, 6))
def test_a_calendar_anchor_keeps_to_the_calendar(interval: Interval, at: datetime, name: str, week_start: int) -> None:
    anchor = calendar_anchor(interval, at, zone=name, week_start=week_start)
    wall = anchor.astimezone(zone(name))
    assert anchor <= at
    assert (wall.minute, wall.second, wall.microsecond) == (0, 0, 0) or interval is Interval.HOUR
    if interval is not Interval.HOUR:
        assert wall.hour == 0
    assert wall.weekday() == week_start or interval is not Interval.WEEK
    assert wall.day == 1 or interval in {Interval.HOUR, Interval.DAY, Interval.WEEK}
    assert (wall.month - 1) % 3 == 0 or interval is not Interval.QUARTER
    assert wall.month == 1 or interval is not Interval.YEAR
    period = Recurrence(interval, anchor, name).period_at(at)
    assert period is not None
    assert period.contains(at)


@LAWS
@given(INTERVALS, TIMES, ZONES)
def test_a_calendar_period_does_not_depend_on_the_day_it_was_asked(interval: Interval, at: datetime, name: str) -> None:
    anchor = calendar_anchor(interval, at, zone=name)
    recurrence = Recurrence(interval, anchor, name)
    later = recurrence.period(recurrence.index_at(at) + 3).start
    if interval is not Interval.HOUR:  # Absolute hours leave the local ones where a clock moves by half an hour.
        again = Recurrence(interval, calendar_anchor(interval, later, zone=name), name)
        assert again.period_at(later) == recurrence.period_at(later)


@LAWS
@given(TIMES, TIMES, TIMES)
def test_the_fractions_of_a_period_add_up_to_it(one: datetime, two: datetime, at: datetime) -> None:
    period = Period(*sorted([one, two]))
    used = period.fraction(EARLIEST, at)
    assert 0 <= used <= 1
    assert used + period.remaining_fraction(at) == (0 if one == two else 1)
