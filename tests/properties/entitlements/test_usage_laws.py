"""Laws of usage in memory: whatever the order, the newest value of the present period is shown."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from entitlements.domain.frames import FrameWatch
from entitlements.domain.usage import HeldTracker, Tracker, Window
from kernel.recurrence import Interval, Recurrence

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

# A change: in the window of which day, and its revision, which also is its value.
changes = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 50)), max_size=30, unique_by=lambda change: change[1])


def window(day: int, revision: int) -> Window:
    """A day's window."""
    return Window("c", "", "calls", START + day * DAY, START + (day + 1) * DAY, Decimal(revision), revision)


def tracker() -> HeldTracker:
    """Counts by the day."""
    return HeldTracker(Tracker("c", "calls", Recurrence(Interval.DAY, START)))


@given(changes, st.lists(st.integers(0, 6), min_size=1))
def test_the_newest_change_of_the_day_is_shown_however_time_and_changes_interleave(
    told: list[tuple[int, int]], steps: list[int]
) -> None:
    held, now = tracker(), 0
    steps = sorted(steps)
    for number, (day, revision) in enumerate(told):
        held.apply(window(day, revision))
        # Between the changes time moves on, and somebody looks.
        now = max(now, steps[min(number, len(steps) - 1)])
        found = held.at(START + now * DAY)
        newest = max((seen for where, seen in told[: number + 1] if where == now), default=0)
        assert found is not None
        assert (found.used, found.revision) == (Decimal(newest), newest)


@given(changes, st.randoms(use_true_random=False), st.integers(0, 6))
def test_neither_order_nor_repetition_changes_anything(told: list[tuple[int, int]], random: Random, today: int) -> None:
    shuffled = told * 2
    random.shuffle(shuffled)
    shown = []
    for order in (told, shuffled):
        held = tracker()
        for day, revision in order:
            held.apply(window(day, revision))
        found = held.at(START + today * DAY)
        assert found is not None
        shown.append((found.used, found.revision))
    assert shown[0] == shown[1]


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_every_lost_frame_that_is_followed_by_another_is_noticed(arrives: list[bool]) -> None:
    watch = FrameWatch()
    watch.hear("p", 1, at=START)
    noticed, lost = 0, False
    for number, arrived in enumerate(arrives, 2):
        if not arrived:
            lost = True
            continue
        follows = watch.hear("p", number, at=START + number * timedelta(milliseconds=100))
        assert follows == (not lost)
        noticed += lost
        lost = False
    assert watch.gaps == noticed
