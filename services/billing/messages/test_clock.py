"""Test clocks in messages."""

from billing.domain.test_clock import ClockSpec, TestClock, check_test_clock
from billing.messages.enums import enum_to_proto
from kernel.errors import Mistakes
from kit.proto import EARLIEST, timestamp_from_proto, timestamp_to_proto
from tollkeeper.billing.v1 import test_clock_pb2


def clock_to_proto(clock: TestClock) -> test_clock_pb2.TestClock:
    """A clock as the contract shows it."""
    message = test_clock_pb2.TestClock(
        id=clock.id,
        display_name=clock.display_name,
        time=timestamp_to_proto(clock.time),
        state=enum_to_proto(test_clock_pb2.TestClockState, "TEST_CLOCK_STATE", clock.state),
        revision=clock.revision,
    )
    if clock.target_time is not None:
        message.target_time.CopyFrom(timestamp_to_proto(clock.target_time))
    return message


def clock_spec_from_proto(message: test_clock_pb2.TestClock, path: str) -> ClockSpec:
    """What the caller says of a clock.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    if not message.HasField("time"):
        mistakes.add(f"{path}.time", "must be given: the time at which the clock stands first")
    time = mistakes.attempt(timestamp_from_proto, message.time, f"{path}.time")
    spec = ClockSpec(message.id, message.display_name or message.id, time or EARLIEST)
    mistakes.attempt(check_test_clock, spec, path)
    mistakes.check()
    return spec
