"""Whether frames arrive without a gap, and how far control state is known."""

from datetime import timedelta

import pytest

from entitlements.domain.coverage import MAX_LOOKS, ControlWatch
from entitlements.domain.frames import GONE, MAX_PROCESSES, POLL, SILENCE, FrameWatch
from tests.unit.entitlements.build import START

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("numbers", "follows"),
    [
        ([1, 2, 3], [True, True, True]),
        ([1, 3], [True, False]),
        ([7, 8], [False, True]),
        ([1, 2, 2, 1, 3], [True, True, True, True, True]),
        ([1, 5, 6, 3], [True, False, True, True]),
    ],
)
def test_numbers_must_follow(numbers: list[int], follows: list[bool]) -> None:
    watch = FrameWatch()
    assert [watch.hear("p", number, at=START) for number in numbers] == follows
    assert watch.gaps == follows.count(False)


def test_the_coverage_is_the_arrival_of_the_frame_before_of_the_slowest_process() -> None:
    watch = FrameWatch()
    assert watch.coverage is None
    watch.hear("a", 1, at=START)
    watch.hear("a", 2, at=START + SECOND)
    assert watch.coverage == START
    watch.hear("a", 3, at=START + 2 * SECOND)
    watch.hear("b", 1, at=START + 2 * SECOND)
    assert watch.coverage == START + SECOND
    watch.hear("a", 4, at=START + 3 * SECOND)
    assert watch.coverage == START + 2 * SECOND


def test_a_silent_process_makes_read_until_it_is_gone() -> None:
    watch = FrameWatch()
    watch.hear("a", 1, at=START)
    watch.hear("b", 1, at=START)
    time, reads = START, 0
    while time < START + GONE + 10 * SECOND:
        time += SECOND / 2
        watch.hear("b", int((time - START) / SECOND * 2) + 1, at=time)
        before = watch.gaps
        must = watch.must_read(time)
        assert must == (watch.gaps == before + 1)
        assert not must or time - START >= SILENCE
        reads += must
    # Every POLL from SILENCE on until it is gone.
    assert reads == pytest.approx((GONE - SILENCE) / POLL, abs=2)
    assert watch.coverage is not None
    assert watch.coverage > START + GONE


def test_without_any_process_held_customers_are_read_again_and_again() -> None:
    watch = FrameWatch()
    assert not watch.must_read(START)
    assert not watch.must_read(START + POLL / 2)
    assert watch.must_read(START + POLL)
    assert not watch.must_read(START + POLL * 3 / 2)
    assert watch.must_read(START + POLL * 2)


def test_a_process_that_returns_from_silence_is_no_gap_by_itself_when_its_numbers_follow() -> None:
    watch = FrameWatch()
    watch.hear("a", 1, at=START)
    assert watch.must_read(START + SILENCE)
    assert watch.hear("a", 2, at=START + SILENCE + SECOND)
    assert not watch.must_read(START + SILENCE + POLL + SECOND)


def test_processes_are_bounded() -> None:
    watch = FrameWatch()
    for number in range(MAX_PROCESSES + 1):
        watch.hear(f"p{number}", 1, at=START + number * SECOND)
    assert len(watch._processes) == MAX_PROCESSES
    assert "p0" not in watch._processes


def test_control_is_covered_as_far_as_it_is_stored_and_was_told() -> None:
    watch = ControlWatch(("b",))
    watch.look("b", START, last=10, stored=8, idle=False)
    watch.hear(watch.stored)
    assert watch.coverage is None
    watch.look("b", START + SECOND, last=12, stored=10, idle=False)
    watch.look("b", START + 2 * SECOND, last=14, stored=11, idle=False)
    assert watch.stored == START
    assert watch.coverage is None
    before = watch.stored
    watch.look("b", START + 3 * SECOND, last=14, stored=14, idle=False)
    watch.hear(before)
    assert watch.stored == START + 3 * SECOND
    assert watch.coverage == START
    watch.look("b", START + 4 * SECOND, last=20, stored=0, idle=True)
    watch.hear(watch.stored)
    assert watch.coverage == START + 4 * SECOND
    # What was read before does not take it back, and nothing known is nothing heard.
    watch.hear(before)
    watch.hear(None)
    assert watch.coverage == START + 4 * SECOND


def test_control_is_covered_as_far_as_the_slowest_of_its_streams() -> None:
    watch = ControlWatch(("a", "b"))
    watch.look("a", START + SECOND, last=1, stored=1, idle=True)
    assert watch.stored is None
    watch.look("b", START, last=1, stored=1, idle=True)
    assert watch.stored == START
    watch.look("b", START + 5 * SECOND, last=1, stored=1, idle=True)
    assert watch.stored == START + SECOND


def test_looks_are_bounded() -> None:
    watch = ControlWatch(("b",))
    for second in range(MAX_LOOKS + 10):
        watch.look("b", START + second * SECOND, last=second + 1, stored=0, idle=False)
    assert len(watch._streams["b"]._looks) == MAX_LOOKS
