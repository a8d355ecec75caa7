"""Between protobuf's common words and the kernel's."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from kernel.errors import FieldViolation, invalid
from kernel.money import Money
from kernel.period import Period
from kernel.quantity import format_decimal
from tollkeeper.common.v1 import money_pb2, period_pb2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The years that a timestamp may name: before them no event of ours happened, after them arithmetic would overflow.
EARLIEST = _EPOCH
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def timestamp_to_proto(time: datetime) -> Timestamp:
    """An aware time, exact to the microsecond."""
    delta = time - _EPOCH
    return Timestamp(seconds=delta.days * 86_400 + delta.seconds, nanos=delta.microseconds * 1_000)


def timestamp_from_proto(timestamp: Timestamp, path: str) -> datetime:
    """The aware UTC time, nanoseconds cut to microseconds.

    Raises:
        TollkeeperError: `INVALID_FIELD` outside 1970–9000 or with nanoseconds outside 0–999,999,999.
    """
    if not 0 <= timestamp.nanos <= 999_999_999 or not 0 <= timestamp.seconds < (LATEST - _EPOCH).total_seconds():
        raise invalid(FieldViolation(path, "must be a time from 1970 to 8999"))
    return _EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1_000)


def period_to_proto(period: Period) -> period_pb2.Period:
    """A period with both its ends."""
    return period_pb2.Period(start_time=timestamp_to_proto(period.start), end_time=timestamp_to_proto(period.end))


def money_to_proto(money: Money) -> money_pb2.Money:
    """An amount with exactly the minor digits of its currency, which it must have been rounded to."""
    digits = money.currency.minor_digits
    return money_pb2.Money(currency=money.currency.code, amount=f"{money.amount:.{digits}f}")


def decimal_to_proto(value: Decimal) -> str:
    """A canonical decimal string."""
    return format_decimal(value)


def delimited(field: int, data: bytes) -> bytes:
    """A field of a message, encoded: text, or a message that is encoded already.

    An encoded message is its fields one after another in any order, so that what is sent often can be kept as its bytes.

    Args:
        field: The field's number, 1–15.
        data: The text or the message, shorter than 2 MiB.
    """
    size = len(data)
    if size < 0x80:
        return bytes((field << 3 | 2, size)) + data
    if size < 0x4000:
        return bytes((field << 3 | 2, size & 0x7F | 0x80, size >> 7)) + data
    return bytes((field << 3 | 2, size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14)) + data
