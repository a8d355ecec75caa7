"""Features, events and reports to try things with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from kit.proto import timestamp_to_proto
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.common.v1 import update_behavior_pb2
from tollkeeper.metering.v1 import event_pb2, tracker_pb2, tracker_service_pb2

JANUARY = datetime(2013, 1, 1, 5, tzinfo=UTC)
SET = update_behavior_pb2.UPDATE_BEHAVIOR_SET

COUNT = feature_pb2.AGGREGATION_COUNT
SUM = feature_pb2.AGGREGATION_SUM
UNIQUE = feature_pb2.AGGREGATION_UNIQUE
MAX = feature_pb2.AGGREGATION_MAX
MIN = feature_pb2.AGGREGATION_MIN
AVG = feature_pb2.AGGREGATION_AVG
LATEST = feature_pb2.AGGREGATION_LATEST


def metered(
    feature_id: str,
    aggregation: "feature_pb2.Aggregation.ValueType",
    field: str = "",
    *,
    names: Sequence[str] = ("flight.departed",),
    filters: Sequence[feature_pb2.Filter] = (),
    revision: int = 1,
) -> feature_pb2.Feature:
    """A feature that a meter counts."""
    return feature_pb2.Feature(
        id=feature_id,
        metered=feature_pb2.MeteredFeature(
            usage_behavior=feature_pb2.USAGE_BEHAVIOR_INCREMENTAL,
            usage_source=feature_pb2.USAGE_SOURCE_EVENTS,
            meter=feature_pb2.Meter(event_names=names, aggregation=aggregation, field=field, filters=filters),
        ),
        revision=revision,
    )


def calculated(feature_id: str) -> feature_pb2.Feature:
    """A feature whose usage is reported."""
    return feature_pb2.Feature(
        id=feature_id,
        metered=feature_pb2.MeteredFeature(
            usage_behavior=feature_pb2.USAGE_BEHAVIOR_FLUCTUATING,
            usage_source=feature_pb2.USAGE_SOURCE_CALCULATED,
        ),
        revision=1,
    )


def value(of: object) -> event_pb2.Value:
    """A dimension's value."""
    match of:
        case bool():
            return event_pb2.Value(bool_value=of)
        case str():
            return event_pb2.Value(string_value=of)
        case Decimal():
            return event_pb2.Value(decimal_value=str(of))
        case int() | float():
            return event_pb2.Value(number_value=of)
        case _:
            raise TypeError(of)


def event(
    key: str,
    *,
    customer: str = "UA",
    name: str = "flight.departed",
    at: datetime | None = JANUARY,
    resource: str = "",
    **dimensions: object,
) -> event_pb2.Event:
    """A raw event."""
    message = event_pb2.Event(
        event_name=name,
        customer_id=customer,
        idempotency_key=key,
        resource_id=resource,
        dimensions={field: value(of) for field, of in dimensions.items()},
    )
    if at is not None:
        message.timestamp.CopyFrom(timestamp_to_proto(at))
    return message


def monthly(anchor: datetime = JANUARY, zone: str = "America/New_York") -> tracker_pb2.Recurrence:
    """A month from the anchor on, and so on."""
    return tracker_pb2.Recurrence(
        interval=tracker_pb2.INTERVAL_MONTH, anchor_time=timestamp_to_proto(anchor), time_zone=zone
    )


ENDLESS = tracker_pb2.Recurrence()


def series(feature_id: str, customer: str = "UA", resource: str = "") -> tracker_pb2.Series:
    """Whose usage of what."""
    return tracker_pb2.Series(customer_id=customer, resource_id=resource, feature_id=feature_id)


def tracker(
    feature_id: str, recurrence: tracker_pb2.Recurrence, *, customer: str = "UA", resource: str = ""
) -> tracker_pb2.Tracker:
    """A tracker to be registered."""
    return tracker_pb2.Tracker(series=series(feature_id, customer, resource), recurrence=recurrence)


def report(
    key: str,
    amount: str,
    *,
    feature: str = "gates",
    customer: str = "UA",
    resource: str = "",
    recurrence: tracker_pb2.Recurrence = ENDLESS,
    behavior: "update_behavior_pb2.UpdateBehavior.ValueType" = update_behavior_pb2.UPDATE_BEHAVIOR_DELTA,
    at: datetime = JANUARY,
    limit: str = "",
    limit_revision: int = 1,
    partial: bool = False,
    hold: timedelta | None = None,
) -> tracker_service_pb2.UsageReport:
    """A report of calculated usage."""
    message = tracker_service_pb2.UsageReport(
        series=series(feature, customer, resource),
        idempotency_key=key,
        value=amount,
        update_behavior=behavior,
        time=timestamp_to_proto(at),
        recurrence=recurrence,
    )
    if limit:
        message.ceiling.limit = limit
        message.ceiling.entitlement_revision = limit_revision
        message.partial = partial
    if hold is not None:
        message.reserve_for.FromTimedelta(hold)
    return message
