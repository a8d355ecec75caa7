"""Raw events in messages, as they are read back."""

from decimal import Decimal

from kernel.errors import FieldViolation, Mistakes
from kernel.ids import check_id
from kit.proto import timestamp_from_proto, timestamp_to_proto
from metering.domain.event import Event, EventFilter
from metering.domain.value import DimensionValue, text_of
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1.event_service_pb2 import ListEventsRequest


def event_filter_from_proto(request: ListEventsRequest) -> EventFilter:
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
    mistakes.check()
    return EventFilter(request.customer_id, request.event_name, start, end)


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
