"""Entitlements in messages."""

from itertools import islice
from typing import assert_never

from catalog.domain.entitlement import (
    BooleanEntitlement,
    Bound,
    Entitlement,
    EntitlementValue,
    EnumEntitlement,
    Limit,
    MergeBehavior,
    MeteredEntitlement,
    NumericEntitlement,
    Unlimited,
)
from catalog.domain.feature import MAX_ENUM_VALUES
from catalog.domain.usage_reset import ResetAnchor, ResetInterval, UsageReset, Weekday
from catalog.messages.enums import enum_from_proto, enum_to_proto, required_from_proto
from tollkeeper.catalog.v1 import entitlement_pb2


def entitlement_to_proto(entitlement: Entitlement) -> entitlement_pb2.Entitlement:
    """An entitlement as the contract shows it."""
    message = entitlement_pb2.Entitlement(
        feature_id=entitlement.feature_id,
        merge_behavior=enum_to_proto(entitlement_pb2.MergeBehavior, entitlement.merge_behavior),
    )
    match entitlement.value:
        case BooleanEntitlement():
            message.boolean.SetInParent()
        case EnumEntitlement(values=values):
            message.enum.values.extend(values)
        case MeteredEntitlement():
            message.metered.CopyFrom(_metered_to_proto(entitlement.value))
        case NumericEntitlement(number=number):
            message.numeric.value = number
        case None:
            pass
        case _:
            assert_never(entitlement.value)
    return message


def entitlement_from_proto(message: entitlement_pb2.Entitlement) -> Entitlement:
    """An entitlement as the caller gives it."""
    merge = enum_from_proto(entitlement_pb2.MergeBehavior, MergeBehavior, message.merge_behavior)
    return Entitlement(message.feature_id, _value_from_proto(message), merge)


def usage_reset_to_proto(reset: UsageReset | None) -> entitlement_pb2.UsageReset | None:
    """A reset as the contract shows it; None for none."""
    if reset is None:
        return None
    return entitlement_pb2.UsageReset(
        interval=enum_to_proto(entitlement_pb2.ResetInterval, reset.interval),
        anchor=enum_to_proto(entitlement_pb2.ResetAnchor, reset.anchor),
        week_start=enum_to_proto(entitlement_pb2.Weekday, reset.week_start),
    )


def usage_reset_from_proto(message: entitlement_pb2.UsageReset) -> UsageReset:
    """A reset as the caller gives it."""
    return UsageReset(
        interval=required_from_proto(entitlement_pb2.ResetInterval, ResetInterval, message.interval),
        anchor=enum_from_proto(entitlement_pb2.ResetAnchor, ResetAnchor, message.anchor),
        week_start=enum_from_proto(entitlement_pb2.Weekday, Weekday, message.week_start),
    )


def _value_from_proto(message: entitlement_pb2.Entitlement) -> EntitlementValue | None:
    match message.WhichOneof("value"):
        case "boolean":
            return BooleanEntitlement()
        case "enum":
            return EnumEntitlement(tuple(islice(message.enum.values, MAX_ENUM_VALUES + 1)))
        case "metered":
            return _metered_from_proto(message.metered)
        case "numeric":
            return NumericEntitlement(message.numeric.value)
        case _:
            return None


def _metered_to_proto(metered: MeteredEntitlement) -> entitlement_pb2.MeteredEntitlement:
    message = entitlement_pb2.MeteredEntitlement(
        soft_limit=metered.soft_limit, usage_reset=usage_reset_to_proto(metered.usage_reset)
    )
    match metered.bound:
        case Limit(units=units):
            message.limit = units
        case Unlimited():
            message.unlimited.SetInParent()
        case None:
            pass
        case _:
            assert_never(metered.bound)
    return message


def _metered_from_proto(message: entitlement_pb2.MeteredEntitlement) -> MeteredEntitlement:
    bound: Bound | None = None
    match message.WhichOneof("bound"):
        case "limit":
            bound = Limit(message.limit)
        case "unlimited":
            bound = Unlimited()
    reset = usage_reset_from_proto(message.usage_reset) if message.HasField("usage_reset") else None
    return MeteredEntitlement(bound, soft_limit=message.soft_limit, usage_reset=reset)
