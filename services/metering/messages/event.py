"""Raw events in messages, as they are read back."""

from decimal import Decimal

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.ids import check_id
from kit.proto import timestamp_from_proto, timestamp_to_proto
from metering.domain.event import (
    MAX_FILTERED_DIMENSIONS,
    MAX_REASON_LENGTH,
    MAX_RETRACTED,
    Event,
    EventFilter,
    EventKey,
    Retraction,
)
from metering.domain.value import DimensionValue, text_of
from metering.messages.event_batch import dimensions_of
from metering.messages.event_mistakes import MAX_MISTAKES, check_dimensions, check_key
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1 import event_service_pb2 as pb


def event_filter_from_proto(request: pb.ListEventsRequest) -> EventFilter:
    """Which events are asked for.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    if request.event_name:
        mistakes.attempt(check_id, request.event_name, "event_name")
    start = end = None
    if request.HasField("start_time"):
        start = mistakes.attempt(timestamp_from_proto, request.start_time, "start_time")
    if request.HasField("end_time"):
        end = mistakes.attempt(timestamp_from_proto, request.end_time, "end_time")
    if start is not None and end is not None and end <= start:
        mistakes.found.append(FieldViolation("end_time", "must be after start_time"))
    for field in ("resource_id", "feature_id"):
        if value := getattr(request, field):
            mistakes.attempt(check_id, value, field)
    if len(request.dimensions) > MAX_FILTERED_DIMENSIONS:
        mistakes.add("dimensions", f"must be at most {MAX_FILTERED_DIMENSIONS}, not {len(request.dimensions):,}")
    else:
        check_dimensions(request.dimensions, "dimensions", mistakes)
    mistakes.check()
    dimensions, _ = dimensions_of(request.dimensions)
    return EventFilter(
        request.customer_id, request.event_name, start, end, request.resource_id, request.feature_id, dimensions
    )


def filter_texts(wanted: EventFilter) -> tuple[str, ...]:
    """All of the filter, for the token of its pages."""
    dimensions = [
        part for name, one in sorted(wanted.dimensions.items()) for part in (name, type(one).__name__, text_of(one))
    ]
    times = (str(wanted.start), str(wanted.end))
    return wanted.customer_id, wanted.event_name, *times, wanted.resource_id, wanted.feature_id, *dimensions


def event_keys_from_proto(request: pb.RetractEventsRequest) -> list[EventKey]:
    """Which events are taken back.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    if not 1 <= len(request.keys) <= MAX_RETRACTED:
        message = f"must hold 1 to {MAX_RETRACTED:,} keys, not {len(request.keys):,}; send more in several calls"
        raise invalid(FieldViolation("keys", message))
    mistakes = Mistakes()
    if len(request.reason) > MAX_REASON_LENGTH:
        mistakes.add("reason", f"must have at most {MAX_REASON_LENGTH} characters, not {len(request.reason):,}")
    for index, key in enumerate(request.keys):
        mistakes.attempt(check_id, key.customer_id, f"keys[{index}].customer_id")
        check_key(key.idempotency_key, f"keys[{index}].idempotency_key", mistakes)
        if len(mistakes.found) >= MAX_MISTAKES:
            break
    mistakes.check()
    return [EventKey(key.customer_id, key.idempotency_key) for key in request.keys]


def retraction_to_proto(retraction: Retraction) -> pb.Retraction:
    """The retraction as the contract shows it."""
    return pb.Retraction(
        idempotency_key=retraction.idempotency_key,
        retract_time=timestamp_to_proto(retraction.time),
        reason=retraction.reason,
        event=None if retraction.event is None else event_to_proto(retraction.event),
    )


def event_to_proto(event: Event) -> event_pb2.Event:
    """The event as the contract shows it."""
    return event_pb2.Event(
        event_name=event.event_name,
        customer_id=event.customer_id,
        idempotency_key=event.idempotency_key,
        resource_id=event.resource_id,
        timestamp=timestamp_to_proto(event.time),
        dimensions={name: value_to_proto(value) for name, value in event.dimensions.items()},
    )


def value_to_proto(value: DimensionValue) -> event_pb2.Value:
    """A value as the contract shows it: a number as a double where one holds it, else as a decimal."""
    match value:
        case bool():
            return event_pb2.Value(bool_value=value)
        case str():
            return event_pb2.Value(string_value=value)
        case int() | Decimal():
            double = float(value)  # float: at the edge, and only where nothing is lost.
            exact = Decimal(repr(double)) == value
            return event_pb2.Value(number_value=double) if exact else event_pb2.Value(decimal_value=text_of(value))
