"""A test clock: time as a value, which stands until it is advanced and never moves back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import FieldViolation, Mistakes, TollkeeperError, invalid, not_found, precondition
from kernel.ids import check_id
from kernel.text import check_text

# Ten years hold at most three leap days. More in one advance is more likely a slip than a wish, and would run for long.
LONGEST_ADVANCE = timedelta(days=10 * 365 + 3)


class ClockState(StrEnum):
    """Whether a clock stands."""

    READY = "READY"
    ADVANCING = "ADVANCING"


@dataclass(frozen=True, slots=True)
class ClockSpec:
    """What a vendor says of a clock; `time` is where it stands at first."""

    id: str
    display_name: str
    time: datetime


@dataclass(frozen=True, slots=True)
class TestClock:
    """A clock as billing holds it.

    Attributes:
        initial_time: Where it stood when it was made.
        time: What time it is for its customers.
        target_time: Where it is being advanced to; None while it stands.
    """

    __test__ = False  # pytest would take the class for a test.

    id: str
    display_name: str
    initial_time: datetime
    time: datetime
    state: ClockState
    target_time: datetime | None
    revision: int

    @property
    def spec(self) -> ClockSpec:
        """What the vendor said of it."""
        return ClockSpec(self.id, self.display_name, self.initial_time)


def clock_not_found(clock_id: str, path: str = "test_clock_id") -> TollkeeperError:
    """The refusal of what needs a clock that is not there; `path` is the caller's field that names it."""
    message = f"No test clock has the id {clock_id}. Create it first."
    return not_found("TEST_CLOCK_NOT_FOUND", message, test_clock_id=clock_id).at(path)


def check_test_clock(spec: ClockSpec, path: str) -> None:
    """Refuses a malformed clock.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    mistakes.attempt(check_text, spec.display_name, f"{path}.display_name", limit=200)
    mistakes.check()


def create_test_clock(spec: ClockSpec, *, revision: int) -> TestClock:
    """A new clock that stands."""
    return TestClock(spec.id, spec.display_name, spec.time, spec.time, ClockState.READY, None, revision)


def advancing(clock: TestClock) -> TollkeeperError:
    """The refusal of a change of the clock's customers while it is on its way."""
    target = "" if clock.target_time is None else clock.target_time.isoformat()
    return precondition(
        "TEST_CLOCK_ADVANCING",
        f"The test clock {clock.id} is being advanced to {target}. Advance it to the same target to wait for it.",
        test_clock_id=clock.id,
        target_time=target,
    )


def begin_advance(clock: TestClock, target: datetime, *, revision: int) -> TestClock:
    """The clock on its way to the target; itself where it stands there or is on its way there already.

    Raises:
        TollkeeperError: `TEST_CLOCK_ADVANCING` to another target; `TEST_CLOCK_BACKWARDS`; `INVALID_FIELD` for more than
            ten years at a time.
    """
    if clock.state is ClockState.ADVANCING:
        if clock.target_time != target:
            raise advancing(clock)
        return clock
    if target < clock.time:
        raise precondition(
            "TEST_CLOCK_BACKWARDS",
            f"The test clock {clock.id} stands at {clock.time.isoformat()} and never moves back: choose a later time.",
            test_clock_id=clock.id,
            time=clock.time.isoformat(),
        ).at("target_time")
    if target - clock.time > LONGEST_ADVANCE:
        message = f"must be at most ten years after {clock.time.isoformat()}: advance in several steps"
        raise invalid(FieldViolation("target_time", message))
    if target == clock.time:
        return clock
    return replace(clock, state=ClockState.ADVANCING, target_time=target, revision=revision)


def move(clock: TestClock, boundary: datetime, *, revision: int) -> TestClock:
    """The advancing clock at a boundary on its way; itself where it stands there already."""
    return clock if boundary <= clock.time else replace(clock, time=boundary, revision=revision)


def arrive(clock: TestClock, *, revision: int) -> TestClock:
    """The clock, standing at its target."""
    if clock.target_time is None:
        raise ValueError("a clock that stands has no target to arrive at")
    return replace(clock, time=clock.target_time, state=ClockState.READY, target_time=None, revision=revision)
