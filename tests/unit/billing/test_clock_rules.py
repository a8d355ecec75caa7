"""A test clock never moves back, goes to one target at a time, and no further than ten years."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.test_clock import (
    ClockSpec,
    ClockState,
    arrive,
    begin_advance,
    check_test_clock,
    create_test_clock,
    move,
)
from kernel.errors import TollkeeperError

START = datetime(2012, 2, 29, tzinfo=UTC)
CLOCK = create_test_clock(ClockSpec("2012", "2012", START), revision=1)


def test_an_advance_from_its_beginning_to_its_end() -> None:
    target = START + timedelta(days=40)
    begun = begin_advance(CLOCK, target, revision=2)
    assert (begun.state, begun.time, begun.target_time, begun.revision) == (ClockState.ADVANCING, START, target, 2)
    boundary = START + timedelta(days=29)
    moved = move(begun, boundary, revision=3)
    assert (moved.time, moved.state, moved.revision) == (boundary, ClockState.ADVANCING, 3)
    assert move(moved, boundary, revision=4) is moved
    arrived = arrive(moved, revision=5)
    assert (arrived.time, arrived.state, arrived.target_time) == (target, ClockState.READY, None)
    assert arrived.spec == CLOCK.spec
    with pytest.raises(ValueError, match="no target"):
        arrive(arrived, revision=6)


def test_the_same_target_joins_and_another_is_refused() -> None:
    target = START + timedelta(days=40)
    begun = begin_advance(CLOCK, target, revision=2)
    assert begin_advance(begun, target, revision=3) is begun
    with pytest.raises(TollkeeperError) as refused:
        begin_advance(begun, target + timedelta(days=1), revision=3)
    assert refused.value.reason == "TEST_CLOCK_ADVANCING"
    assert refused.value.metadata["target_time"] == target.isoformat()


def test_where_it_stands_nothing_happens() -> None:
    assert begin_advance(CLOCK, START, revision=2) is CLOCK


def test_it_never_moves_back() -> None:
    with pytest.raises(TollkeeperError) as refused:
        begin_advance(CLOCK, START - timedelta(microseconds=1), revision=2)
    assert refused.value.reason == "TEST_CLOCK_BACKWARDS"
    assert refused.value.metadata["time"] == START.isoformat()


@pytest.mark.parametrize(
    ("target", "taken"),
    [(START.replace(year=2022, month=3, day=1), True), (START + timedelta(days=3_654), False)],
)
def test_ten_years_at_a_time(*, target: datetime, taken: bool) -> None:
    if taken:
        assert begin_advance(CLOCK, target, revision=2).target_time == target
        return
    with pytest.raises(TollkeeperError) as refused:
        begin_advance(CLOCK, target, revision=2)
    assert [violation.path for violation in refused.value.violations] == ["target_time"]


def test_a_malformed_clock_is_told_all_its_mistakes() -> None:
    with pytest.raises(TollkeeperError) as refused:
        check_test_clock(ClockSpec("a clock", "x" * 201, START), "test_clock")
    assert [violation.path for violation in refused.value.violations] == ["test_clock.id", "test_clock.display_name"]
