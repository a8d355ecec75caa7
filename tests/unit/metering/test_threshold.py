"""Shares of limits: which limit stands when, and what of it is reached."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kernel.period import Period
from metering.domain.series import Series
from metering.domain.threshold import LimitSpan, StandingLimits, crossings, limit_at, newest, next_change, reaches
from metering.domain.tracker import EPOCH, Tracker, Window

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
UNITED = Series("united", "", "gates")
SPANS = (
    LimitSpan(Decimal(10), None, NOON),
    LimitSpan(Decimal(4), NOON, NOON + HOUR),
    LimitSpan(Decimal(7), NOON + 2 * HOUR, None),
)


def window(value: str) -> Window:
    """The endless window of a tracker."""
    return Window(Tracker(1, UNITED, None), None, Decimal(value), 5)


@pytest.mark.parametrize(
    ("time", "limit", "changes"),
    [
        (NOON - HOUR, "10", NOON),
        (NOON - timedelta(microseconds=1), "10", NOON),
        (NOON, "4", NOON + HOUR),
        (NOON + HOUR, None, NOON + 2 * HOUR),
        (NOON + 2 * HOUR, "7", None),
        (NOON + 900 * HOUR, "7", None),
    ],
)
def test_the_limit_that_stands_and_when_another_one_does(
    time: datetime, limit: str | None, changes: datetime | None
) -> None:
    assert limit_at(SPANS, time) == (None if limit is None else Decimal(limit))
    assert next_change(SPANS, time) == changes


def test_what_may_be_reached_is_the_smallest_share_of_the_lowest_limit() -> None:
    standing = StandingLimits(1, SPANS)
    for percents, least in (((80, 100), "3.2"), ((100,), "4"), ((50, 80), "2"), ((80, 100), "3.2")):
        assert standing.may_be_reached(Decimal(least), percents)
        assert not standing.may_be_reached(Decimal(least) - Decimal("1E-12"), percents)
    assert not standing.may_be_reached(Decimal(10), ())
    assert not StandingLimits(1, ()).may_be_reached(Decimal(10), (80,))


@pytest.mark.parametrize(
    ("value", "limit", "percent", "reached"),
    [
        ("8", "10", 80, True),
        ("7.999999999999", "10", 80, False),
        ("10", "10", 100, True),
        ("0.01", "1", 1, True),
        ("0.009", "1", 1, False),
        ("10000", "1000", 1_000, True),
        ("999999999999999999", "999999999999999999", 100, True),
    ],
)
def test_a_share_is_reached_exactly(value: str, limit: str, percent: int, reached: bool) -> None:  # noqa: FBT001 - a column.
    assert reaches(Decimal(value), Decimal(limit), percent) is reached


def test_crossings_are_of_the_limit_at_the_time_the_smallest_first() -> None:
    found = crossings(window("4"), SPANS, (100, 80, 50), at=NOON)
    assert [(crossing.percent, str(crossing.limit)) for crossing in found] == [(50, "4"), (80, "4"), (100, "4")]
    assert [crossing.percent for crossing in crossings(window("6"), SPANS, (80, 50), at=NOON - HOUR)] == [50]
    assert crossings(window("6"), SPANS, (80, 50), at=NOON + HOUR) == []
    assert crossings(window("6"), SPANS, (), at=NOON) == []


def test_the_newest_usage_within_the_window_tells_the_time() -> None:
    tracker = Tracker(1, UNITED, None)
    span = Period(NOON, NOON + HOUR)
    times = [
        (UNITED, NOON),
        (Series("united", "north", "gates"), NOON + HOUR / 2),
        (UNITED, NOON + HOUR),
        (Series("delta", "", "gates"), NOON + HOUR * 3 / 4),
    ]
    assert newest(times, Window(tracker, span, Decimal(1), 1)) == NOON + HOUR / 2
    assert newest(times, Window(tracker, None, Decimal(1), 1)) == NOON + HOUR
    assert newest([], Window(tracker, span, Decimal(1), 1)) == NOON
    assert newest([], Window(tracker, None, Decimal(1), 1)) == EPOCH
