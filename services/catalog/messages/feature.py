"""Features in messages."""

from itertools import islice
from typing import assert_never

from catalog.domain.feature import (
    MAX_ENUM_VALUES,
    BooleanFeature,
    EnumFeature,
    Feature,
    FeatureSpec,
    FeatureType,
    MeteredFeature,
    NumericFeature,
    UsageBehavior,
    UsageSource,
)
from catalog.domain.thresholds import MAX_THRESHOLDS
from catalog.messages.enums import enum_to_proto, required_from_proto
from catalog.messages.meter import meter_from_proto, meter_to_proto
from kit.proto import timestamp_from_proto, timestamp_to_proto
from tollkeeper.catalog.v1 import feature_pb2 as pb


def feature_to_proto(feature: Feature) -> pb.Feature:
    """A feature as the contract shows it."""
    message = pb.Feature(
        id=feature.id,
        display_name=feature.display_name,
        description=feature.description,
        revision=feature.revision,
        create_time=timestamp_to_proto(feature.create_time),
        update_time=timestamp_to_proto(feature.update_time),
        archived=feature.archived,
        shadow_mode=feature.shadow_mode,
    )
    match feature.type:
        case BooleanFeature():
            message.boolean.SetInParent()
        case EnumFeature(values=values):
            message.enum.values.extend(values)
        case NumericFeature(unit_singular=singular, unit_plural=plural):
            message.numeric.unit_singular, message.numeric.unit_plural = singular, plural
            message.numeric.SetInParent()
        case MeteredFeature():
            message.metered.CopyFrom(_metered_to_proto(feature.type))
        case _:
            assert_never(feature.type)
    return message


def feature_from_proto(message: pb.Feature) -> Feature:
    """A feature from a message that the catalog itself wrote."""
    kind = _type_from_proto(message)
    if kind is None:
        raise ValueError(f"the stored feature {message.id} has no type")
    return Feature(
        id=message.id,
        display_name=message.display_name,
        description=message.description,
        type=kind,
        revision=message.revision,
        create_time=timestamp_from_proto(message.create_time, "create_time"),
        update_time=timestamp_from_proto(message.update_time, "update_time"),
        archived=message.archived,
        shadow_mode=message.shadow_mode,
    )


def feature_spec_from_proto(message: pb.Feature) -> FeatureSpec:
    """What the caller says of a feature; lists that are too long are cut after the first entry too many."""
    kind = _type_from_proto(message)
    return FeatureSpec(
        message.id,
        message.display_name,
        message.description,
        kind,
        message.archived,
        shadow_mode=message.shadow_mode,
    )


def _type_from_proto(message: pb.Feature) -> FeatureType | None:
    match message.WhichOneof("type"):
        case "boolean":
            return BooleanFeature()
        case "enum":
            return EnumFeature(tuple(islice(message.enum.values, MAX_ENUM_VALUES + 1)))
        case "numeric":
            return NumericFeature(message.numeric.unit_singular, message.numeric.unit_plural)
        case "metered":
            return _metered_from_proto(message.metered)
        case _:
            return None


def _metered_to_proto(metered: MeteredFeature) -> pb.MeteredFeature:
    return pb.MeteredFeature(
        usage_behavior=enum_to_proto(pb.UsageBehavior, metered.usage_behavior),
        usage_source=enum_to_proto(pb.UsageSource, metered.usage_source),
        meter=None if metered.meter is None else meter_to_proto(metered.meter),
        unit_singular=metered.unit_singular,
        unit_plural=metered.unit_plural,
        thresholds=None if metered.thresholds is None else pb.Thresholds(percents=metered.thresholds),
    )


def _metered_from_proto(message: pb.MeteredFeature) -> MeteredFeature:
    percents = tuple(islice(message.thresholds.percents, MAX_THRESHOLDS + 1))
    return MeteredFeature(
        usage_behavior=required_from_proto(pb.UsageBehavior, UsageBehavior, message.usage_behavior),
        usage_source=required_from_proto(pb.UsageSource, UsageSource, message.usage_source),
        meter=meter_from_proto(message.meter) if message.HasField("meter") else None,
        unit_singular=message.unit_singular,
        unit_plural=message.unit_plural,
        thresholds=percents if message.HasField("thresholds") else None,
    )
