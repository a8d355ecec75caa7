"""Decisions and answers in the own contract's messages."""

from datetime import datetime
from typing import Final

from entitlements.domain.decision import Decision, Reason
from entitlements.domain.entitlement import Source
from entitlements.domain.feature import FeatureType
from kernel.quantity import EXACT, ZERO, format_decimal
from kit.proto import timestamp_to_proto
from tollkeeper.common.v1 import period_pb2
from tollkeeper.entitlements.v1 import decision_pb2 as pb

REASONS: Final = {reason: pb.DecisionReason.Value(f"DECISION_REASON_{reason}") for reason in Reason}
TYPES: Final = {kind: pb.FeatureType.Value(f"FEATURE_TYPE_{kind}") for kind in FeatureType}


def decision_to_proto(decision: Decision) -> pb.Decision:
    """A decision as the contract shows it, complete."""
    message = pb.Decision()
    show_decision(decision, message)
    return message


def show_decision(decision: Decision, message: pb.Decision) -> None:
    """Fills in an empty message: what is shown within another one need not be copied."""
    message.granted = decision.granted
    message.reason = REASONS[decision.reason]
    message.explanation = decision.explanation
    message.feature_id = decision.feature_id
    if decision.values:
        message.values.extend(decision.values)
    message.shadowed = decision.shadowed
    if decision.feature is not None:
        message.feature_type = TYPES[decision.feature.type]
    if (source := decision.source) is not None:
        shown = message.source
        shown.subscription_id, shown.plan_id = source.subscription_id, source.plan_id
        shown.plan_version, shown.promotional_grant_id = source.plan_version, source.promotional_grant_id
    if (standing := decision.standing) is not None:
        if standing.limit is None:
            message.unlimited = True
        else:
            message.limit = format_decimal(standing.limit)
            message.soft_limit = standing.soft
            message.remaining = format_decimal(max(ZERO, EXACT.subtract(standing.limit, standing.usage)))
        message.usage = format_decimal(standing.usage)
        if standing.reserved:
            message.reserved_usage = format_decimal(standing.reserved)
        show_period(standing.start, standing.end, message.usage_period)
        if standing.end is not None:
            message.next_reset_time.CopyFrom(message.usage_period.end_time)
    if decision.number is not None:
        message.numeric_value = format_decimal(decision.number)
    if decision.as_of is not None:
        message.as_of.CopyFrom(timestamp_to_proto(decision.as_of))


def source_to_proto(source: Source) -> pb.Source:
    """Where an entitlement comes from."""
    return pb.Source(
        subscription_id=source.subscription_id,
        plan_id=source.plan_id,
        plan_version=source.plan_version,
        promotional_grant_id=source.promotional_grant_id,
    )


def show_period(start: datetime | None, end: datetime | None, message: period_pb2.Period) -> None:
    """Fills in an empty period; without a bound where it has none."""
    message.SetInParent()
    if start is not None:
        message.start_time.CopyFrom(timestamp_to_proto(start))
    if end is not None:
        message.end_time.CopyFrom(timestamp_to_proto(end))


def period_to_proto(start: datetime | None, end: datetime | None) -> period_pb2.Period:
    """A usage period; without a bound where it has none."""
    return period_pb2.Period(
        start_time=None if start is None else timestamp_to_proto(start),
        end_time=None if end is None else timestamp_to_proto(end),
    )
