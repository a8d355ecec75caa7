"""What the next frame will carry."""

from decimal import Decimal

from metering.domain.changed_windows import ChangedWindows
from metering.domain.series import Series
from metering.domain.tracker import Tracker, Window


def window(tracker_id: int, value: int, revision: int) -> Window:
    """The endless window of a tracker."""
    return Window(Tracker(tracker_id, Series("UA", "", "gates"), None), None, Decimal(value), revision)


def test_the_newest_of_each_window_is_kept_in_whatever_order_they_come() -> None:
    changed = ChangedWindows(most=10)
    changed.add([window(1, 5, 20), window(2, 1, 21)])
    changed.add([window(1, 4, 19), window(2, 2, 22)])
    windows, lost = changed.take()
    assert {one.tracker.id: one.value for one in windows} == {1: 5, 2: 2}
    assert not lost
    assert changed.take() == ([], False)


def test_what_overflows_is_lost_and_said_to_be_once() -> None:
    changed = ChangedWindows(most=2)
    changed.add([window(number, 1, number) for number in range(3)])
    changed.add([window(9, 1, 9)])
    windows, lost = changed.take()
    assert ([one.tracker.id for one in windows], lost) == ([9], True)
    assert changed.take() == ([], False)
