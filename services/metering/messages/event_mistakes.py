"""Every mistake of a batch of raw events, by index and field."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import assert_never

from kernel.errors import FieldViolation, Mistakes, TollkeeperError, invalid
from kernel.ids import check_id
from kit.proto import timestamp_from_proto
from metering.domain.event_batch import MAX_DIMENSIONS, MAX_KEY_LENGTH, MAX_NAME_LENGTH
from metering.domain.value import MAX_DOUBLE_PLACES, MAX_TEXT_LENGTH, number_of_double, number_of_text
from tollkeeper.metering.v1 import event_pb2

# Nobody mends more in one go, and the reply holds fewer.
MAX_MISTAKES = 100


def explain(events: Iterable[event_pb2.Event]) -> TollkeeperError:
    """`INVALID_FIELD` with the batch's mistakes, at most 100 and those of a few events more.

    Raises:
        ValueError: There is none: the loop that asked is stricter than what is written here, which is a fault of ours.
    """
    mistakes = Mistakes()
    for index, event in enumerate(events):
        _check_event(event, f"events[{index}]", mistakes)
        if len(mistakes.found) >= MAX_MISTAKES:
            break
    if not mistakes.found:
        raise ValueError("a batch was refused without a mistake")
    return invalid(*mistakes.found[:MAX_MISTAKES])


def timestamp_required(rows: Sequence[int]) -> list[FieldViolation]:
    """Events without a time of customers on a test clock."""
    message = "is required for a customer on a test clock: its time stands still between advances"
    return [FieldViolation(f"events[{row}].timestamp", message) for row in rows[:MAX_MISTAKES]]


def timestamp_ahead(rows: Sequence[int]) -> list[FieldViolation]:
    """Events from too far ahead."""
    message = "must be at most 24 hours ahead of the customer's clock"
    return [FieldViolation(f"events[{row}].timestamp", message) for row in rows[:MAX_MISTAKES]]


def timestamp_expired(rows: Sequence[int], horizon: datetime) -> list[FieldViolation]:
    """Events from before the horizon of raw events."""
    message = f"must not be before {horizon:%Y-%m-%d %H:%M:%S} UTC: raw events that old are no longer kept"
    return [FieldViolation(f"events[{row}].timestamp", message) for row in rows[:MAX_MISTAKES]]


def check_dimensions(dimensions: Mapping[str, event_pb2.Value], path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of names and values."""
    for name in sorted(dimensions):
        where = f"{path}[{name[:MAX_NAME_LENGTH]!r}]"
        _check_text(name, where, mistakes, most=MAX_NAME_LENGTH, least=1, what="the name ")
        _check_value(dimensions[name], where, mistakes)


def check_key(key: str, path: str, mistakes: Mistakes) -> None:
    """Notes what is wrong with an idempotency key."""
    _check_text(key, path, mistakes, most=MAX_KEY_LENGTH, least=1)


def _check_event(event: event_pb2.Event, path: str, mistakes: Mistakes) -> None:
    mistakes.attempt(check_id, event.event_name, f"{path}.event_name")
    mistakes.attempt(check_id, event.customer_id, f"{path}.customer_id")
    check_key(event.idempotency_key, f"{path}.idempotency_key", mistakes)
    if event.resource_id:
        mistakes.attempt(check_id, event.resource_id, f"{path}.resource_id")
    mistakes.attempt(timestamp_from_proto, event.timestamp, f"{path}.timestamp")
    if len(event.dimensions) > MAX_DIMENSIONS:
        mistakes.add(f"{path}.dimensions", f"must be at most {MAX_DIMENSIONS}, not {len(event.dimensions):,}")
        return
    check_dimensions(event.dimensions, f"{path}.dimensions", mistakes)


def _check_value(value: event_pb2.Value, path: str, mistakes: Mistakes) -> None:
    kind = value.WhichOneof("kind")
    match kind:
        case "string_value":
            _check_text(value.string_value, f"{path}.string_value", mistakes, most=MAX_TEXT_LENGTH, least=0)
        case "number_value":
            if number_of_double(value.number_value) is None:
                message = (
                    "must be a finite number below 10^18 with at most "
                    f"{MAX_DOUBLE_PLACES} digits after the point in its shortest decimal"
                )
                mistakes.add(f"{path}.number_value", message)
        case "decimal_value":
            mistakes.attempt(number_of_text, value.decimal_value, f"{path}.decimal_value")
        case "bool_value":
            pass
        case None:
            mistakes.add(path, "must have a value: text, a truth value, or a number")
        case _:
            assert_never(kind)


def _check_text(text: str, path: str, mistakes: Mistakes, *, most: int, least: int, what: str = "") -> None:
    if not least <= len(text) <= most:
        mistakes.add(path, f"{what}must have {least} to {most:,} characters, not {len(text):,}")
    if "\0" in text:
        mistakes.add(path, f"{what}must not contain the character U+0000; remove it")
