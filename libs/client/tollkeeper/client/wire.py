"""Between protobuf's words and Python's: times, decimals, periods."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tollkeeper.common.v1 import period_pb2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time, half-open: the start belongs to it, the end does not.

    Attributes:
        start: In UTC; None: it has no beginning.
        end: In UTC; None: it has no end.
    """

    start: datetime | None
    end: datetime | None


def time_to_proto(time: datetime) -> Timestamp:
    """An aware time, exact to the microsecond.

    Raises:
        ValueError: The time is naive.
    """
    if time.tzinfo is None:
        raise ValueError(f"a time needs its time zone: {time.isoformat()} has none")
    delta = time - _EPOCH
    return Timestamp(seconds=delta.days * 86_400 + delta.seconds, nanos=delta.microseconds * 1_000)


def time_of(message: Message, field: str) -> datetime | None:
    """The UTC time in a field of a message; None where it is unset."""
    if not message.HasField(field):
        return None
    timestamp: Timestamp = getattr(message, field)
    return time_from_proto(timestamp)


def time_from_proto(timestamp: Timestamp) -> datetime:
    """The aware UTC time, nanoseconds cut to microseconds."""
    return _EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1_000)


def duration_to_proto(span: timedelta) -> Duration:
    """A span of time, exact to the microsecond."""
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def period_of(message: Message, field: str) -> Period | None:
    """The period in a field of a message; None where it is unset."""
    if not message.HasField(field):
        return None
    period: period_pb2.Period = getattr(message, field)
    return Period(time_of(period, "start_time"), time_of(period, "end_time"))


def decimal_to_proto(value: Decimal | int) -> str:
    """The number without exponent. What is no finite number is sent as it is, for the service to refuse it by its field.

    Raises:
        TypeError: It is a float (which is not exact), or no number at all.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        raise TypeError(f"a quantity is a Decimal or an int, not {value!r}")
    return format(Decimal(value), "f")


def decimal_of(text: str) -> Decimal | None:
    """The number of a text; None for an empty one."""
    return Decimal(text) if text else None
