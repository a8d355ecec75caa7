"""Raw events: what customers did, as facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tollkeeper.client.wire import decimal_to_proto, time_of, time_to_proto
from tollkeeper.metering.v1 import event_pb2

# Text is never a number, whatever it looks like. A float counts as its shortest decimal.
Dimension = str | bool | int | float | Decimal


@dataclass(frozen=True, slots=True)
class Event:
    """Something a customer did. It counts once per (customer, idempotency key), however often it is sent.

    Attributes:
        event_name: What happened: "flight.departed".
        customer_id: Whose event it is; need not be known yet.
        dimensions: What else is known of it, for meters to filter and aggregate: at most 64.
        timestamp: When it happened; None: now. Required for a customer on a test clock.
        idempotency_key: Names it among the customer's events; made up where empty.
        resource_id: The customer's resource that it concerns.
    """

    event_name: str
    customer_id: str
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    timestamp: datetime | None = None
    idempotency_key: str = ""
    resource_id: str = ""


def event_to_proto(event: Event) -> event_pb2.Event:
    """The message.

    Raises:
        TypeError: A dimension is of none of the types.
        ValueError: The timestamp is naive.
    """
    return event_pb2.Event(
        event_name=event.event_name,
        customer_id=event.customer_id,
        idempotency_key=event.idempotency_key,
        resource_id=event.resource_id,
        timestamp=None if event.timestamp is None else time_to_proto(event.timestamp),
        dimensions={name: value_to_proto(value) for name, value in event.dimensions.items()},
    )


def value_to_proto(value: Dimension) -> event_pb2.Value:
    """The value with its type."""
    match value:
        case str():
            return event_pb2.Value(string_value=value)
        case bool():
            return event_pb2.Value(bool_value=value)
        case float():
            return event_pb2.Value(number_value=value)
        case int() | Decimal():
            return event_pb2.Value(decimal_value=decimal_to_proto(value))
        case _:
            raise TypeError(f"a dimension is text, a truth value or a number, not {value!r}")


def event_from_proto(message: event_pb2.Event) -> Event:
    """The event; its numbers are exact decimals, however they were sent."""
    return Event(
        event_name=message.event_name,
        customer_id=message.customer_id,
        dimensions={name: _value_from_proto(value) for name, value in message.dimensions.items()},
        timestamp=time_of(message, "timestamp"),
        idempotency_key=message.idempotency_key,
        resource_id=message.resource_id,
    )


def _value_from_proto(value: event_pb2.Value) -> Dimension:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            return Decimal(repr(value.number_value))
        case _:
            return Decimal(value.decimal_value)
