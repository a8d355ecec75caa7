"""The smallest words of a story: times, amounts, lists; and how the contract's constants read in lower case."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

# A name that a story gives to a thing.
NAME = r"[A-Za-z][A-Za-z0-9_-]*"
# "2013-01-16", "2013-01-16 12:00", "2013-01-16 12:00:30"; with a Z in UTC, else local.
TIME = r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?"
DECIMAL = r"-?\d+(?:\.\d+)?"

_QUOTED = re.compile(r'"[^"]*"')


def clauses(text: str) -> list[str]:
    """What stands between commas, those in quotes aside."""
    hidden = _QUOTED.sub(lambda quoted: quoted.group().replace(",", "\0"), text)
    return [part.strip().replace("\0", ",") for part in hidden.split(",") if part.strip()]


def listed(text: str) -> list[str]:
    """`a, b and c` as its parts."""
    return [part.strip() for part in re.split(r",| and ", text) if part.strip()]


def time_of(text: str, zone: ZoneInfo) -> datetime:
    """A time as written: local to the zone, unless it ends with Z; of two equal wall times the first."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def to_proto(time: datetime) -> Timestamp:
    """An aware time as a message."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def shown_time(time: Timestamp, zone: ZoneInfo) -> str:
    """A time as a story would write it; ambiguous and odd ones in UTC."""
    local = time.ToDatetime(UTC).astimezone(zone)
    if local.fold:
        return f"{time.ToDatetime(UTC):%Y-%m-%d %H:%M:%S}Z"
    text = local.strftime("%Y-%m-%d %H:%M:%S") + (f".{local.microsecond:06d}" if local.microsecond else "")
    return text.removesuffix(":00").removesuffix(" 00:00")


def constant(enum: Any, text: str) -> int:
    """The number of a constant that a story writes in its own words: "flat fee proration" of `InvoiceLineType`."""
    word = text.strip().upper().replace(" ", "_").replace("-", "_")
    return int(enum.Value(f"{_prefix(enum)}{word}"))


def word(enum: Any, number: int) -> str:
    """A constant as a story writes it."""
    return str(enum.Name(number)).removeprefix(_prefix(enum)).lower().replace("_", " ")


def _prefix(enum: Any) -> str:
    return str(enum.Name(0)).removesuffix("UNSPECIFIED")


def same_amount(one: str, other: str) -> bool:
    """Whether two decimals are equal; an absent one is zero."""
    return Decimal(one or 0) == Decimal(other or 0)
