"""Windows in memory: newer replaces older, a boundary is passed at once, later windows are there when their time comes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from entitlements.domain.usage import MAX_LATER, MAX_PROVEN, HeldTracker, HeldWindow, Tracker
from kernel.recurrence import Interval, Recurrence
from tests.unit.entitlements.build import window

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


def daily() -> HeldTracker:
    """Counts by the day from 1 January."""
    return HeldTracker(Tracker("c", "calls", Recurrence(Interval.DAY, START)))


def held(tracker: HeldTracker, day: int) -> HeldWindow:
    """The window of a day."""
    found = tracker.at(START + day * DAY)
    assert found is not None
    return found


def test_a_newer_value_replaces_an_older_one_and_never_the_other_way() -> None:
    tracker = daily()
    current = held(tracker, 0)
    for value, revision, expected in [("5", 10, "5"), ("4", 9, "5"), ("6", 10, "5"), ("3", 11, "3")]:
        tracker.apply(window("calls", value, revision, start=START, end=START + DAY))
        assert (current.used, current.revision) == (Decimal(expected), max(revision, current.revision))


def test_before_the_first_period_there_is_no_window() -> None:
    assert daily().at(START - timedelta(microseconds=1)) is None


@pytest.mark.parametrize("day", [1, 2, 40])
def test_a_passed_boundary_reads_as_zero_and_unread(day: int) -> None:
    tracker = daily()
    tracker.apply(window("calls", "5", 10, start=START, end=START + DAY))
    last = tracker.at(START + day * DAY - timedelta(microseconds=1))
    assert last is not None
    assert last.used == (5 if day == 1 else 0)
    assert held(tracker, day).used == 0
    assert not held(tracker, day).is_known


def test_a_later_window_that_was_heard_of_counts_when_its_time_comes() -> None:
    tracker = daily()
    held(tracker, 0)
    tracker.apply(window("calls", "7", 3, start=START + DAY, end=START + 2 * DAY))
    assert held(tracker, 0).used == 0
    assert held(tracker, 1).used == 7
    assert held(tracker, 1).includes([3])
    assert tracker.later == {}


def test_a_window_that_came_before_the_tracker_was_first_asked_is_not_lost() -> None:
    tracker = daily()
    tracker.apply(window("calls", "7", 3, start=START, end=START + DAY))
    assert held(tracker, 0).used == 7


def test_before_the_first_period_windows_of_other_trackers_are_not_kept() -> None:
    tracker = HeldTracker(Tracker("c", "calls", Recurrence(Interval.DAY, START + 14 * DAY)))
    for day in range(14):
        assert (
            tracker.apply(window("calls", "7", day + 1, start=START + day * DAY, end=START + (day + 1) * DAY)) is None
        )
    assert tracker.apply(window("calls", "9", 99)) is None
    assert tracker.apply(window("calls", "3", 50, start=START + 14 * DAY, end=START + 15 * DAY)) is not None
    assert held(tracker, 14).used == Decimal(3)


def test_past_windows_and_those_of_other_trackers_are_ignored() -> None:
    tracker = daily()
    held(tracker, 1)
    assert tracker.apply(window("calls", "7", 3, start=START, end=START + DAY)) is None
    assert tracker.apply(window("calls", "7", 3, start=START, end=START + 30 * DAY)) is None
    assert tracker.apply(window("calls", "7", 3)) is None
    assert held(tracker, 1).used == 0
    assert tracker.later == {}


def test_later_windows_are_bounded_and_what_does_not_fit_is_read_when_its_time_comes() -> None:
    tracker = daily()
    held(tracker, 0)
    for day in range(1, MAX_LATER + 5):
        tracker.apply(window("calls", "1", day, start=START + day * DAY, end=START + (day + 1) * DAY))
    assert len(tracker.later) == MAX_LATER
    assert held(tracker, MAX_LATER).is_known
    assert not held(tracker, MAX_LATER + 1).is_known


def test_a_clock_set_back_over_a_boundary_loses_nothing() -> None:
    tracker = daily()
    held(tracker, 1)
    tracker.apply(window("calls", "7", 3, start=START + DAY, end=START + 2 * DAY))
    assert held(tracker, 0).used == 0
    assert held(tracker, 1).used == 7


def test_an_endless_period_holds_every_instant() -> None:
    tracker = HeldTracker(Tracker("c", "gates", None))
    tracker.apply(window("gates", "4", 2))
    tracker.apply(window("gates", "9", 3, start=START, end=START + DAY))
    for at in (START, START + 10_000 * DAY):
        found = tracker.at(at)
        assert found is not None
        assert (found.used, found.start, found.end) == (Decimal(4), None, None)


def test_what_a_window_includes() -> None:
    tracker = HeldTracker(Tracker("c", "gates", None))
    current = tracker.at(START)
    assert current is not None
    assert not current.is_known
    assert not current.includes([])
    tracker.take_read(window("gates", "0", 0), proven=(), at=START)
    assert current.includes([])
    assert not current.includes([1])
    tracker.take_read(window("gates", "0", 0), proven=[5], at=START)
    assert current.includes([5])
    # A smaller revision of another series may be acknowledged later than a greater one: nothing is proven of it.
    assert not current.includes([4])
    assert not current.includes([6])
    tracker.apply(window("gates", "1", 8))
    assert current.includes([4, 5, 8])
    assert not current.includes([8, 9])
    # An older reading takes away neither what is included nor the newer value.
    tracker.take_read(window("gates", "0", 0), proven=[9], at=START - DAY)
    assert current.includes([8, 9])
    assert (current.used, current.read_time, current.proven) == (Decimal(1), START, (9,))


def test_what_is_remembered_to_be_proven_is_bounded() -> None:
    tracker = HeldTracker(Tracker("c", "gates", None))
    current = tracker.at(START)
    assert current is not None
    for revision in range(1, MAX_PROVEN + 10):
        tracker.take_read(window("gates", "0", 0), proven=[revision], at=START)
    assert len(current.proven) == MAX_PROVEN
    assert current.includes([MAX_PROVEN + 9])
