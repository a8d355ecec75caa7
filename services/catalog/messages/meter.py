"""Meters in messages."""

from itertools import islice
from typing import assert_never

from catalog.domain.condition import (
    MAX_IN_VALUES,
    BoolValue,
    Compares,
    Condition,
    Equals,
    HasText,
    In,
    IsSet,
    NotEquals,
    NumberTest,
    NumberValue,
    StringValue,
    Test,
    TextTest,
    Value,
)
from catalog.domain.meter import MAX_CONDITIONS, MAX_EVENT_NAMES, MAX_FILTERS, Aggregation, Filter, Meter
from catalog.messages.enums import enum_to_proto, required_from_proto
from tollkeeper.catalog.v1 import feature_pb2 as pb


def meter_to_proto(meter: Meter) -> pb.Meter:
    """A meter as the contract shows it."""
    return pb.Meter(
        event_names=meter.event_names,
        filters=[pb.Filter(conditions=map(_condition_to_proto, each.conditions)) for each in meter.filters],
        aggregation=enum_to_proto(pb.Aggregation, meter.aggregation),
        field=meter.field,
    )


def meter_from_proto(message: pb.Meter) -> Meter:
    """A meter as the caller gives it; lists that are too long are cut after the first entry too many."""
    return Meter(
        event_names=tuple(islice(message.event_names, MAX_EVENT_NAMES + 1)),
        filters=tuple(map(_filter_from_proto, islice(message.filters, MAX_FILTERS + 1))),
        aggregation=required_from_proto(pb.Aggregation, Aggregation, message.aggregation),
        field=message.field,
    )


def _filter_from_proto(message: pb.Filter) -> Filter:
    return Filter(tuple(map(_condition_from_proto, islice(message.conditions, MAX_CONDITIONS + 1))))


def _condition_to_proto(condition: Condition) -> pb.Condition:
    message = pb.Condition(field=condition.field)
    match condition.test:
        case Equals(value=value):
            message.equals.CopyFrom(_value_to_proto(value))
        case NotEquals(value=value):
            message.not_equals.CopyFrom(_value_to_proto(value))
        case In(values=values):
            # `in` is a word of Python.
            getattr(message, "in").values.extend(map(_value_to_proto, values))
        case IsSet(is_set=is_set):
            message.is_set = is_set
        case HasText(test=test, text=text):
            setattr(message, test, text)
        case Compares(test=comparison, number=number):
            setattr(message, comparison, number)
        case None:
            pass
        case _:
            assert_never(condition.test)
    return message


def _condition_from_proto(message: pb.Condition) -> Condition:
    return Condition(message.field, _test_from_proto(message))


def _test_from_proto(message: pb.Condition) -> Test | None:
    match message.WhichOneof("test"):
        case None:
            return None
        case "equals" | "not_equals" as field:
            value = _value_from_proto(getattr(message, field))
            return Equals(value) if field == "equals" else NotEquals(value)
        case "in":
            values: pb.ValueList = getattr(message, "in")
            return In(tuple(map(_value_from_proto, islice(values.values, MAX_IN_VALUES + 1))))
        case "is_set":
            return IsSet(message.is_set)
        case "contains" | "starts_with" | "ends_with" as field:
            return HasText(TextTest(field), getattr(message, field))
        case field:
            return Compares(NumberTest(field), getattr(message, field))


def _value_to_proto(value: Value | None) -> pb.Value:
    match value:
        case StringValue(text=text):
            return pb.Value(string_value=text)
        case BoolValue(truth=truth):
            return pb.Value(bool_value=truth)
        case NumberValue(number=number):
            return pb.Value(number_value=number)
        case None:
            return pb.Value()
        case _:
            assert_never(value)


def _value_from_proto(message: pb.Value) -> Value | None:
    match message.WhichOneof("kind"):
        case "string_value":
            return StringValue(message.string_value)
        case "bool_value":
            return BoolValue(message.bool_value)
        case "number_value":
            return NumberValue(message.number_value)
        case _:
            return None
