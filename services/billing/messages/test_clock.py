"""Test clocks in messages."""

from billing.domain.test_clock import ClockSpec, TestClock
from billing.messages.enums import enum_to_proto
from kit.proto import timestamp_from_proto, timestamp_to_proto
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
        TollkeeperError: `INVALID_FIELD` for a time that is none.
    """
    time = timestamp_from_proto(message.time, f"{path}.time")
    return ClockSpec(message.id, message.display_name or message.id, time)
