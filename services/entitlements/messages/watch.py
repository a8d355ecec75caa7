"""Watches in the own contract's messages. A state is kept as it is sent: many streams are told the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final

from entitlements.domain.decision import Reason
from entitlements.domain.entitlement import Allowance, Number, Values
from entitlements.domain.watched import Holding, WatchedFeature
from entitlements.messages.decision import REASONS, TYPES, period_to_proto, source_to_proto
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.quantity import format_decimal
from kit.proto import delimited, timestamp_to_proto
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1 import watched_entitlement_pb2 as watched_pb

# The contract's bound: what one message may name.
MAX_NAMED: Final = 1_000
# Ours have 32 characters; others' are not ours, and need no room here.
MAX_VERSION: Final = 128


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to watch from now on, and what no longer.

    Attributes:
        add: Customers, each with the version that is known; empty: none.
        remove: Customers.
    """

    add: tuple[tuple[str, str], ...]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StateHead:
    """What a message about a customer says beside its entitlements.

    Attributes:
        as_of: None: not known.
    """

    customer_id: str
    version: str
    absent: Reason
    time: datetime
    test_clock: bool
    as_of: datetime | None


def watch_from_proto(request: pb.WatchEntitlementsRequest) -> WatchRequest:
    """What a message asks for.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    for path, named in (("add", len(request.add)), ("remove_customer_ids", len(request.remove_customer_ids))):
        if named > MAX_NAMED:
            mistakes.add(path, f"must name at most {MAX_NAMED:,} customers a message, not {named:,}")
    mistakes.check()
    for number, customer in enumerate(request.add):
        mistakes.attempt(check_id, customer.customer_id, f"add[{number}].customer_id")
        if len(customer.known_version) > MAX_VERSION:
            mistakes.add(f"add[{number}].known_version", "must be a version as it was sent, or empty")
    for number, customer_id in enumerate(request.remove_customer_ids):
        mistakes.attempt(check_id, customer_id, f"remove_customer_ids[{number}]")
    mistakes.check()
    add = tuple((customer.customer_id, customer.known_version) for customer in request.add)
    return WatchRequest(add, tuple(request.remove_customer_ids))


def feature_to_bytes(feature: WatchedFeature) -> bytes:
    """What decides checks of a feature, encoded; the same on every replica."""
    message = watched_pb.WatchedEntitlement(
        feature_id=feature.feature.id,
        feature_type=TYPES[feature.feature.type],
        shadow_mode=feature.feature.shadow_mode,
        revoked=feature.revoked,
        holdings=[_holding_to_proto(holding) for holding in feature.holdings],
        unit_singular=feature.feature.unit_singular,
        unit_plural=feature.feature.unit_plural,
    )
    return message.SerializeToString(deterministic=True)


def version_of(absent: Reason, features: Iterable[bytes], *, test_clock: bool) -> str:
    """Names a state by what it says.

    Args:
        absent: Why every check that finds no entitlement is refused.
        features: Its features, encoded, in the order of their ids.
        test_clock: Whether the customer lives by a test clock.
    """
    digest = blake2b(f"{absent},{test_clock}".encode(), digest_size=16)
    for feature in features:
        digest.update(len(feature).to_bytes(4, "big"))
        digest.update(feature)
    return digest.hexdigest()


def state_to_bytes(head: StateHead, features: Iterable[bytes]) -> bytes:
    """The whole state of a customer, its features encoded, in the order of their ids."""
    message = watched_pb.CustomerEntitlements(
        customer_id=head.customer_id,
        version=head.version,
        absent_reason=REASONS[head.absent],
        time=timestamp_to_proto(head.time),
        test_clock=head.test_clock,
        as_of=None if head.as_of is None else timestamp_to_proto(head.as_of),
    )
    entitlements = (delimited(watched_pb.CustomerEntitlements.ENTITLEMENTS_FIELD_NUMBER, each) for each in features)
    data = b"".join((message.SerializeToString(), *entitlements))
    return delimited(pb.WatchEntitlementsResponse.CUSTOMER_FIELD_NUMBER, data)


def changes_to_bytes(head: StateHead, changed: Iterable[bytes], *, removed: Iterable[str]) -> bytes:
    """What changed of a customer: its changed features, encoded, and those that it no longer has."""
    message = watched_pb.EntitlementChanges(
        customer_id=head.customer_id,
        version=head.version,
        removed_feature_ids=sorted(removed),
        absent_reason=REASONS[head.absent],
        time=timestamp_to_proto(head.time),
        as_of=None if head.as_of is None else timestamp_to_proto(head.as_of),
    )
    entitlements = (delimited(watched_pb.EntitlementChanges.ENTITLEMENTS_FIELD_NUMBER, each) for each in changed)
    data = b"".join((message.SerializeToString(), *entitlements))
    return delimited(pb.WatchEntitlementsResponse.CHANGES_FIELD_NUMBER, data)


def heartbeat_to_bytes(as_of: datetime | None) -> bytes:
    """How fresh everything watched is; None: that is not known."""
    heartbeat = watched_pb.WatchHeartbeat(as_of=None if as_of is None else timestamp_to_proto(as_of))
    return pb.WatchEntitlementsResponse(heartbeat=heartbeat).SerializeToString()


def failure_to_bytes(customer_id: str, reason: str) -> bytes:
    """A customer's state cannot be had now."""
    failure = pb.WatchFailure(customer_id=customer_id, reason=reason)
    return pb.WatchEntitlementsResponse(failure=failure).SerializeToString()


def _holding_to_proto(holding: Holding) -> watched_pb.Holding:
    message = watched_pb.Holding(source=source_to_proto(holding.source))
    match holding.grant:
        case Allowance(limit=None):
            message.unlimited = True
        case Allowance(limit=limit, soft=soft) if limit is not None:
            message.limit = format_decimal(limit)
            message.soft_limit = soft
        case Number(value):
            message.numeric_value = format_decimal(value)
        case Values(values):
            message.values.extend(values)
    if (standing := holding.standing) is not None:
        message.usage = format_decimal(standing.usage)
        if standing.reserved:
            message.reserved_usage = format_decimal(standing.reserved)
        message.usage_period.CopyFrom(period_to_proto(standing.start, standing.end))
    if holding.end is not None:
        message.end_time.CopyFrom(timestamp_to_proto(holding.end))
    return message
