"""A decision: whether a customer may do something, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from tollkeeper.client.wire import Period, decimal_of, period_of, time_of
from tollkeeper.entitlements.v1 import decision_pb2


class Reason(StrEnum):
    """Why a decision is as it is. Refusals are tried in this order."""

    INCLUDED = "INCLUDED"
    WITHIN_LIMIT = "WITHIN_LIMIT"
    UNLIMITED = "UNLIMITED"
    OVER_SOFT_LIMIT = "OVER_SOFT_LIMIT"
    CUSTOMER_UNKNOWN = "CUSTOMER_UNKNOWN"
    NO_ACTIVE_SUBSCRIPTION = "NO_ACTIVE_SUBSCRIPTION"
    FEATURE_UNKNOWN = "FEATURE_UNKNOWN"
    FEATURE_NOT_INCLUDED = "FEATURE_NOT_INCLUDED"
    REVOKED = "REVOKED"
    VALUE_NOT_GRANTED = "VALUE_NOT_GRANTED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    # The library's own, never the service's: the caller's fallback answered, because of the customer nothing is known yet, or
    # nothing fresh enough.
    NOT_KNOWN = "NOT_KNOWN"
    TOO_OLD = "TOO_OLD"
    # A word of a newer service that this version of the library does not know.
    OTHER = "OTHER"


class FeatureType(StrEnum):
    """The types of features."""

    BOOLEAN = "BOOLEAN"
    ENUM = "ENUM"
    METERED = "METERED"
    NUMERIC = "NUMERIC"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entitlement comes from: a subscription with its plan, or a promotional grant.

    Attributes:
        subscription_id: Empty for a grant.
        promotional_grant_id: Empty for a subscription.
    """

    subscription_id: str
    plan_id: str
    plan_version: int
    promotional_grant_id: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a customer may do something, and why. Its truth is `granted`.

    Attributes:
        explanation: Why, as a sentence for people.
        feature_type: None where the feature is unknown, or not included.
        limit: For a metered feature: how many units may be used, inclusive; None: see `unlimited`.
        unlimited: Whether a metered feature has no limit.
        soft_limit: Whether usage above the limit is granted all the same.
        usage: For a metered feature: the usage in the usage period; what reservations hold is in it.
        reserved_usage: How much of it reservations hold.
        remaining: For a metered feature with a limit: limit − usage, at least 0.
        usage_period: For a metered feature: the period that the usage counts in, without bounds where usage never resets.
        next_reset_time: When the usage starts again at zero; None: never, or not known.
        values: For an enum feature: the values granted, in alphabetical order.
        numeric_value: For a numeric feature: the number granted.
        source: Where the entitlement that decided comes from; None where none did.
        as_of: Until when the answer is known to include everything that happened, in real time; None: not known.
        shadowed: Granted only because the feature is in shadow mode; reason and explanation are those of the refusal.
    """

    granted: bool
    reason: Reason
    explanation: str
    feature_id: str
    feature_type: FeatureType | None = None
    limit: Decimal | None = None
    unlimited: bool = False
    soft_limit: bool = False
    usage: Decimal | None = None
    reserved_usage: Decimal | None = None
    remaining: Decimal | None = None
    usage_period: Period | None = None
    next_reset_time: datetime | None = None
    values: tuple[str, ...] = ()
    numeric_value: Decimal | None = None
    source: Source | None = None
    as_of: datetime | None = None
    shadowed: bool = False

    def __bool__(self) -> bool:
        """Whether it is granted: an `if` that forgets to say so must not grant everything."""
        return self.granted

    @property
    def is_fallback(self) -> bool:
        """Whether the caller's fallback answered instead of knowledge."""
        return self.reason in (Reason.NOT_KNOWN, Reason.TOO_OLD)


_REASONS: Final[Mapping[int, Reason]] = {
    number: Reason(name.removeprefix("DECISION_REASON_"))
    for name, number in decision_pb2.DecisionReason.items()
    if name.removeprefix("DECISION_REASON_") in Reason.__members__
}
_TYPES: Final[Mapping[int, FeatureType]] = {
    number: FeatureType(name.removeprefix("FEATURE_TYPE_"))
    for name, number in decision_pb2.FeatureType.items()
    if name.removeprefix("FEATURE_TYPE_") in FeatureType.__members__
}


def reason_from_proto(reason: int) -> Reason:
    """The reason; `OTHER` for one of a newer service."""
    return _REASONS.get(reason, Reason.OTHER)


def feature_type_from_proto(feature_type: int) -> FeatureType | None:
    """The type; None where the feature is unknown."""
    return _TYPES.get(feature_type)


def source_from_proto(message: decision_pb2.Source) -> Source:
    """Where an entitlement comes from."""
    return Source(message.subscription_id, message.plan_id, message.plan_version, message.promotional_grant_id)


def decision_from_proto(message: decision_pb2.Decision) -> Decision:
    """The decision as the service made it."""
    return Decision(
        granted=message.granted,
        reason=reason_from_proto(message.reason),
        explanation=message.explanation,
        feature_id=message.feature_id,
        feature_type=feature_type_from_proto(message.feature_type),
        limit=decimal_of(message.limit),
        unlimited=message.unlimited,
        soft_limit=message.soft_limit,
        usage=decimal_of(message.usage),
        reserved_usage=decimal_of(message.reserved_usage),
        remaining=decimal_of(message.remaining),
        usage_period=period_of(message, "usage_period"),
        next_reset_time=time_of(message, "next_reset_time"),
        values=tuple(message.values),
        numeric_value=decimal_of(message.numeric_value),
        source=source_from_proto(message.source) if message.HasField("source") else None,
        as_of=time_of(message, "as_of"),
        shadowed=message.shadowed,
    )
