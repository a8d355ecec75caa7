"""Half-open spans in UTC and their exact fractions."""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest

from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod, Period, check_time, utc

JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
INSTANT = timedelta(microseconds=1)


def test_bounds_are_kept_in_utc() -> None:
    paris = timezone(timedelta(hours=1))
    period = Period(datetime(2026, 1, 1, 1, tzinfo=paris), datetime(2026, 2, 1, 1, tzinfo=paris))
    assert period == JANUARY
    assert period.start.tzinfo is UTC
    assert period.end.tzinfo is UTC


def test_naive_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Period(datetime(2026, 1, 1), JANUARY.end)  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        utc(datetime(2026, 1, 1))  # noqa: DTZ001


def test_an_end_is_not_before_its_start() -> None:
    with pytest.raises(ValueError, match="end before"):
        Period(JANUARY.end, JANUARY.start)


def test_holds_its_start_but_not_its_end() -> None:
    assert JANUARY.contains(JANUARY.start)
    assert JANUARY.contains(JANUARY.end - INSTANT)
    assert not JANUARY.contains(JANUARY.end)
    assert not JANUARY.contains(JANUARY.start - INSTANT)


def test_duration_is_exact() -> None:
    assert JANUARY.duration == timedelta(days=31)
    assert JANUARY.microseconds == 31 * 86_400 * 1_000_000
    assert Period(JANUARY.start, JANUARY.start + INSTANT).microseconds == 1


@pytest.mark.parametrize(
    ("at", "remaining"),
    [
        (datetime(2025, 12, 1, tzinfo=UTC), Fraction(1)),
        (datetime(2026, 1, 1, tzinfo=UTC), Fraction(1)),
        (datetime(2026, 1, 11, tzinfo=UTC), Fraction(21, 31)),
        (datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC), Fraction(1, 31 * 86_400 * 1_000_000)),
        (datetime(2026, 2, 1, tzinfo=UTC), Fraction(0)),
        (datetime(2026, 3, 1, tzinfo=UTC), Fraction(0)),
    ],
)
def test_remaining_is_a_part_of_the_whole(at: datetime, remaining: Fraction) -> None:
    assert JANUARY.remaining_fraction(at) == remaining


def test_nothing_remains_of_an_empty_period() -> None:
    empty = Period(JANUARY.start, JANUARY.start)
    assert empty.remaining_fraction(JANUARY.start) == 0
    assert empty.remaining_fraction(JANUARY.start - INSTANT) == 0
    assert not empty.contains(JANUARY.start)


def test_a_fraction_counts_only_what_lies_inside() -> None:
    day = timedelta(days=1)
    assert JANUARY.fraction(JANUARY.start - day, JANUARY.start + day) == Fraction(1, 31)
    assert JANUARY.fraction(JANUARY.end - day, JANUARY.end + day) == Fraction(1, 31)
    assert JANUARY.fraction(JANUARY.end, JANUARY.end + day) == 0
    assert JANUARY.fraction(JANUARY.start + day, JANUARY.start) == 0


def test_billing_periods_have_months() -> None:
    assert [period.months for period in BillingPeriod] == [1, 3, 12]


def test_accepts_times_that_every_zone_can_count_from() -> None:
    assert check_time(JANUARY.start, "start_time") == JANUARY.start


@pytest.mark.parametrize(
    "at",
    [
        datetime(1899, 12, 31, tzinfo=UTC),
        datetime(9000, 1, 1, tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime(2026, 1, 1),  # noqa: DTZ001  (a naive time is the point)
    ],
)
def test_refuses_other_times(at: datetime) -> None:
    with pytest.raises(TollkeeperError) as refusal:
        check_time(at, "start_time")
    assert refusal.value.violations[0].path == "start_time"
