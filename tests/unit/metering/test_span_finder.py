"""Readings by the periods that they fall into."""

from datetime import UTC, datetime, timedelta

import pytest

from kernel.recurrence import Interval, Recurrence
from metering.domain.meter_set import Readings
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import microseconds

ANCHOR = datetime(2013, 1, 31, 5, tzinfo=UTC)
MONTHLY = Recurrence(Interval.MONTH, ANCHOR, "America/New_York")


def readings(*times: datetime) -> Readings:
    """Numbered from 0."""
    return Readings([microseconds(time) for time in times], list(range(len(times))), list(range(len(times))))


def test_a_batch_within_one_period_is_passed_on_whole() -> None:
    batch = readings(ANCHOR, ANCHOR + timedelta(days=27))
    finder = SpanFinder()
    for _ in range(2):
        ((span, values),) = finder.spread(MONTHLY, batch).items()
        assert span == MONTHLY.period(0)
        assert values == [0, 1]


def test_values_are_split_at_boundaries_and_dropped_before_the_anchor() -> None:
    boundary = MONTHLY.period(1).start
    instant = timedelta(microseconds=1)
    batch = readings(boundary, ANCHOR - instant, boundary - instant, ANCHOR, MONTHLY.period(11).end - instant)
    assert SpanFinder().spread(MONTHLY, batch) == {
        MONTHLY.period(0): [2, 3],
        MONTHLY.period(1): [0],
        MONTHLY.period(11): [4],
    }


def test_the_endless_period_takes_everything() -> None:
    batch = readings(ANCHOR, ANCHOR - timedelta(days=9_999))
    assert SpanFinder().spread(None, batch) == {None: [0, 1]}


def test_no_period_holds_what_is_before_the_anchor() -> None:
    with pytest.raises(ValueError, match="anchor"):
        SpanFinder().at(MONTHLY, microseconds(ANCHOR) - 1)
