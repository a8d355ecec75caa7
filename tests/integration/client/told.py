"""What the fake tells a projection, in few words."""

from datetime import UTC, datetime, timedelta

from kit.proto import timestamp_to_proto
from tollkeeper.common.v1.period_pb2 import Period
from tollkeeper.entitlements.v1 import decision_pb2, watched_entitlement_pb2
from tollkeeper.entitlements.v1.watched_entitlement_pb2 import (
    CustomerEntitlements,
    EntitlementChanges,
    WatchedEntitlement,
)

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
SOURCE = decision_pb2.Source(subscription_id="sub", plan_id="carrier", plan_version=1)


class Clock:
    """What time it is, as a test says."""

    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def __call__(self) -> float:
        return self.time.timestamp()

    def pass_by(self, **span: float) -> None:
        """Lets time pass."""
        self.time += timedelta(**span)


def gates(
    usage: str = "2", *, limit: str = "3", start: datetime | None = None, end: datetime | None = None, **fields: object
) -> WatchedEntitlement:
    """A metered feature."""
    period = Period(
        start_time=None if start is None else timestamp_to_proto(start),
        end_time=None if end is None else timestamp_to_proto(end),
    )
    holding = watched_entitlement_pb2.Holding(source=SOURCE, limit=limit, usage=usage, usage_period=period)
    return WatchedEntitlement(
        feature_id="gates",
        feature_type=decision_pb2.FEATURE_TYPE_METERED,
        holdings=[holding],
        unit_singular="gate",
        unit_plural="gates",
        **fields,  # type: ignore[arg-type]  # as the message takes them.
    )


def switch(feature_id: str = "night-flights", *, end: datetime | None = None) -> WatchedEntitlement:
    """A boolean feature."""
    holding = watched_entitlement_pb2.Holding(source=SOURCE, end_time=None if end is None else timestamp_to_proto(end))
    return WatchedEntitlement(feature_id=feature_id, feature_type=decision_pb2.FEATURE_TYPE_BOOLEAN, holdings=[holding])


def state(
    *entitlements: WatchedEntitlement,
    customer_id: str = "acme",
    version: str = "v1",
    as_of: datetime = NOON,
    test_clock: bool = False,
    absent: "decision_pb2.DecisionReason.ValueType" = decision_pb2.DECISION_REASON_FEATURE_NOT_INCLUDED,
) -> CustomerEntitlements:
    """The whole state of a customer."""
    return CustomerEntitlements(
        customer_id=customer_id,
        version=version,
        absent_reason=absent,
        entitlements=entitlements,
        time=timestamp_to_proto(as_of),
        test_clock=test_clock,
        as_of=timestamp_to_proto(as_of),
    )


def changes(
    *entitlements: WatchedEntitlement,
    removed: tuple[str, ...] = (),
    customer_id: str = "acme",
    version: str = "v2",
    as_of: datetime = NOON,
) -> EntitlementChanges:
    """What changed of a customer."""
    return EntitlementChanges(
        customer_id=customer_id,
        version=version,
        entitlements=entitlements,
        removed_feature_ids=removed,
        absent_reason=decision_pb2.DECISION_REASON_FEATURE_NOT_INCLUDED,
        time=timestamp_to_proto(as_of),
        as_of=timestamp_to_proto(as_of),
    )
