"""Features and meters of the catalog in messages."""

from typing import assert_never

from metering.domain.feature import DEFAULT_THRESHOLDS, Feature, UsageSource
from metering.domain.meter import (
    Aggregation,
    Compares,
    Comparison,
    Condition,
    Equals,
    HasText,
    In,
    IsSet,
    Meter,
    NotEquals,
    Part,
)
from metering.domain.value import DimensionValue, Number, number_of_text, text_of
from tollkeeper.catalog.v1 import feature_pb2 as pb

_SOURCES = {
    pb.USAGE_SOURCE_CALCULATED: UsageSource.CALCULATED,
    pb.USAGE_SOURCE_EVENTS: UsageSource.EVENTS,
}
_AGGREGATIONS = {
    pb.AGGREGATION_COUNT: Aggregation.COUNT,
    pb.AGGREGATION_SUM: Aggregation.SUM,
    pb.AGGREGATION_UNIQUE: Aggregation.UNIQUE,
    pb.AGGREGATION_MAX: Aggregation.MAX,
    pb.AGGREGATION_MIN: Aggregation.MIN,
    pb.AGGREGATION_AVG: Aggregation.AVG,
    pb.AGGREGATION_LATEST: Aggregation.LATEST,
}
_AGGREGATIONS_TO_PROTO = {aggregation: number for number, aggregation in _AGGREGATIONS.items()}
_PARTS = {"contains": Part.ANYWHERE, "starts_with": Part.START, "ends_with": Part.END}
_TEST_OF_PART = {part: test for test, part in _PARTS.items()}
_COMPARISONS = {
    "greater_than": Comparison.GREATER,
    "greater_than_or_equal": Comparison.GREATER_OR_EQUAL,
    "less_than": Comparison.LESS,
    "less_than_or_equal": Comparison.LESS_OR_EQUAL,
}
_TEST_OF_COMPARISON = {comparison: test for test, comparison in _COMPARISONS.items()}


def feature_from_proto(message: pb.Feature) -> Feature:
    """What metering keeps of a feature.

    Raises:
        ValueError: The catalog knows a kind of meter that this version of metering does not: update metering.
    """
    if message.WhichOneof("type") != "metered":
        return Feature(message.id, UsageSource.NONE, None, message.revision)
    source = _SOURCES.get(message.metered.usage_source)
    if source is None:
        raise ValueError(f"the usage source {message.metered.usage_source} of {message.id} is not known here")
    meter = meter_from_proto(message.metered.meter) if source is UsageSource.EVENTS else None
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS
    if message.metered.HasField("thresholds"):
        thresholds = tuple(sorted(set(message.metered.thresholds.percents)))
    return Feature(message.id, source, meter, message.revision, thresholds)


def meter_from_proto(message: pb.Meter) -> Meter:
    """A meter, which the catalog has checked.

    Raises:
        ValueError: An aggregation or a test that is not known here.
    """
    aggregation = _AGGREGATIONS.get(message.aggregation)
    if aggregation is None:
        raise ValueError(f"the aggregation {message.aggregation} is not known here")
    filters = tuple(tuple(map(_condition_from_proto, one.conditions)) for one in message.filters)
    return Meter(tuple(message.event_names), filters, aggregation, message.field)


def meter_to_proto(meter: Meter) -> pb.Meter:
    """The meter as the contract shows it."""
    return pb.Meter(
        event_names=meter.event_names,
        filters=[pb.Filter(conditions=map(_condition_to_proto, one)) for one in meter.filters],
        aggregation=_AGGREGATIONS_TO_PROTO[meter.aggregation],
        field=meter.field,
    )


def meter_to_bytes(meter: Meter) -> bytes:
    """The meter as it is stored."""
    return meter_to_proto(meter).SerializeToString(deterministic=True)


def meter_from_bytes(data: bytes) -> Meter:
    """The meter as it was stored."""
    return meter_from_proto(pb.Meter.FromString(data))


def _condition_from_proto(message: pb.Condition) -> Condition:
    match message.WhichOneof("test"):
        case "equals":
            return Equals(message.field, _value_from_proto(message.equals))
        case "not_equals":
            return NotEquals(message.field, _value_from_proto(message.not_equals))
        case "in":
            values = getattr(message, "in").values  # `in` is a keyword of Python.
            return In(message.field, tuple(map(_value_from_proto, values)))
        case "is_set":
            return IsSet(message.field, message.is_set)
        case "contains" | "starts_with" | "ends_with" as test:
            return HasText(message.field, _PARTS[test], getattr(message, test))
        case "greater_than" | "greater_than_or_equal" | "less_than" | "less_than_or_equal" as test:
            return Compares(message.field, _COMPARISONS[test], number_of_text(getattr(message, test), test))
        case _:
            raise ValueError(f"the test of the condition on {message.field} is not known here")


def _condition_to_proto(condition: Condition) -> pb.Condition:
    match condition:
        case Equals(field, value):
            return pb.Condition(field=field, equals=_value_to_proto(value))
        case NotEquals(field, value):
            return pb.Condition(field=field, not_equals=_value_to_proto(value))
        case In(field, values):
            message = pb.Condition(field=field)
            getattr(message, "in").values.extend(map(_value_to_proto, values))
            return message
        case IsSet(field, expected):
            return pb.Condition(field=field, is_set=expected)
        case HasText(field, part, text):
            message = pb.Condition(field=field)
            setattr(message, _TEST_OF_PART[part], text)
            return message
        case Compares(field, comparison, number):
            message = pb.Condition(field=field)
            setattr(message, _TEST_OF_COMPARISON[comparison], text_of(number))
            return message
        case _:
            assert_never(condition)


def _value_from_proto(message: pb.Value) -> DimensionValue:
    match message.WhichOneof("kind"):
        case "string_value":
            return message.string_value
        case "bool_value":
            return message.bool_value
        case "number_value":
            return number_of_text(message.number_value, "number_value")
        case _:
            raise ValueError("the kind of a value is not known here")


def _value_to_proto(value: DimensionValue) -> pb.Value:
    if isinstance(value, str):
        return pb.Value(string_value=value)
    if isinstance(value, bool):
        return pb.Value(bool_value=value)
    number: Number = value
    return pb.Value(number_value=text_of(number))
