"""What the service tells of a customer: everything that decides its checks until the next change. Pure: values in, values out."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import TypeVar, cast

from tollkeeper.client.decision import (
    FeatureType,
    Reason,
    Source,
    feature_type_from_proto,
    reason_from_proto,
    source_from_proto,
)
from tollkeeper.client.wire import Period, decimal_of, period_of, time_from_proto, time_of
from tollkeeper.entitlements.v1 import watched_entitlement_pb2 as pb

Value = TypeVar("Value")

_ENDLESS = Period(None, None)


@dataclass(frozen=True, slots=True)
class Holding:
    """What one source grants of a feature; the attributes are those of the contract's `Holding`.

    Attributes:
        limit: None is unlimited, where the feature is metered.
        usage: In the usage period, reservations included. From the period's end on it is zero.
        end_time: When the source stops granting this, in the customer's time; None: not known to stop.
    """

    source: Source
    limit: Decimal | None
    soft_limit: bool
    usage: Decimal
    reserved_usage: Decimal | None
    usage_period: Period
    values: tuple[str, ...]
    numeric_value: Decimal | None
    end_time: datetime | None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What decides checks of one feature.

    Attributes:
        shadow_mode: Whether refusals of it are granted all the same.
        revoked: Whether it is taken from the customer, whatever is held.
        holdings: Every source that grants it.
        unit_singular: One unit, as written after "1".
        unit_plural: More units, as written after "2".
    """

    feature_id: str
    feature_type: FeatureType | None
    shadow_mode: bool
    revoked: bool
    holdings: tuple[Holding, ...]
    unit_singular: str
    unit_plural: str


@dataclass(frozen=True, slots=True)
class CustomerState:
    """Everything that decides checks of a customer.

    Attributes:
        version: Names this state, on any replica.
        absent_reason: Why every check that finds no entitlement is refused.
        entitlements: By feature.
        time: The customer's time at which the state was made.
        test_clock: Whether the customer lives by a test clock: its boundaries pass only by messages.
        as_of: Until when the state is known to include everything that happened, in real time; None: not known.
        boundaries: The times at which something of it passes by itself, in their order; none by a test clock.
    """

    customer_id: str
    version: str
    absent_reason: Reason
    entitlements: Mapping[str, Entitlement]
    time: datetime
    test_clock: bool
    as_of: datetime | None
    boundaries: tuple[datetime, ...]

    def now(self, real: datetime) -> datetime:
        """The customer's time."""
        return self.time if self.test_clock else real

    def next_boundary(self, real: datetime) -> datetime | None:
        """When something passes by itself next; None: nothing is known to."""
        return next((boundary for boundary in self.boundaries if boundary > real), None)


def state_from_proto(message: pb.CustomerEntitlements) -> CustomerState:
    """The whole state of a customer."""
    entitlements = _entitlements_from_proto(message.entitlements)
    return CustomerState(
        message.customer_id,
        message.version,
        reason_from_proto(message.absent_reason),
        entitlements,
        time=time_from_proto(message.time),
        test_clock=message.test_clock,
        as_of=time_of(message, "as_of"),
        boundaries=() if message.test_clock else _boundaries(entitlements.values()),
    )


def changed(state: CustomerState, changes: pb.EntitlementChanges) -> CustomerState:
    """The state with the changes; what they do not name stays."""
    entitlements = {
        feature_id: entitlement
        for feature_id, entitlement in state.entitlements.items()
        if feature_id not in changes.removed_feature_ids
    }
    entitlements.update(_entitlements_from_proto(changes.entitlements))
    return replace(
        state,
        version=changes.version,
        absent_reason=reason_from_proto(changes.absent_reason),
        entitlements=entitlements,
        time=time_from_proto(changes.time),
        as_of=time_of(changes, "as_of"),
        boundaries=() if state.test_clock else _boundaries(entitlements.values()),
    )


def _entitlements_from_proto(messages: Iterable[pb.WatchedEntitlement]) -> dict[str, Entitlement]:
    # Names and words are the same of all customers, sources and periods of all features: each is kept once, which halves the memory.
    same: dict[object, object] = {}
    return {sys.intern(each.feature_id): _entitlement_from_proto(each, same) for each in messages}


def _entitlement_from_proto(message: pb.WatchedEntitlement, same: dict[object, object]) -> Entitlement:
    return Entitlement(
        sys.intern(message.feature_id),
        feature_type_from_proto(message.feature_type),
        shadow_mode=message.shadow_mode,
        revoked=message.revoked,
        holdings=tuple(_holding_from_proto(holding, same) for holding in message.holdings),
        unit_singular=sys.intern(message.unit_singular),
        unit_plural=sys.intern(message.unit_plural),
    )


def _holding_from_proto(message: pb.Holding, same: dict[object, object]) -> Holding:
    return Holding(
        source=_kept(source_from_proto(message.source), same),
        limit=decimal_of(message.limit),
        soft_limit=message.soft_limit,
        usage=Decimal(message.usage or 0),
        reserved_usage=decimal_of(message.reserved_usage),
        usage_period=_kept(period_of(message, "usage_period") or _ENDLESS, same),
        values=tuple(message.values),
        numeric_value=decimal_of(message.numeric_value),
        end_time=time_of(message, "end_time"),
    )


def _kept(value: Value, same: dict[object, object]) -> Value:
    return cast(Value, same.setdefault(value, value))


def _boundaries(entitlements: Iterable[Entitlement]) -> tuple[datetime, ...]:
    holdings = chain.from_iterable(entitlement.holdings for entitlement in entitlements)
    times = {time for holding in holdings for time in (holding.end_time, holding.usage_period.end) if time is not None}
    return tuple(sorted(times))
