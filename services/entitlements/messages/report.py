"""Reports and reservations as they are asked for: every mistake is found at once, and nothing else is done before."""

import re
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from google.protobuf.duration_pb2 import Duration

from entitlements.domain.request import Behavior, Enforcement, Report, Settlement
from entitlements.messages.request import freshness_from_proto
from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.ids import ID_PATTERN, check_id
from kernel.quantity import ZERO, parse_decimal, parse_quantity
from tollkeeper.common.v1 import update_behavior_pb2
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

# The contract's bounds, and its default.
MAX_KEY: Final = 256
SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(hours=24)
USUAL: Final = timedelta(seconds=60)

_ID: Final = re.compile(ID_PATTERN)
_NANOS: Final = 1_000_000_000
_BEHAVIORS: Final = {
    update_behavior_pb2.UPDATE_BEHAVIOR_UNSPECIFIED: Behavior.DELTA,
    update_behavior_pb2.UPDATE_BEHAVIOR_DELTA: Behavior.DELTA,
    update_behavior_pb2.UPDATE_BEHAVIOR_SET: Behavior.SET,
}
_ENFORCEMENTS: Final = {
    pb.ENFORCEMENT_UNSPECIFIED: Enforcement.RECORD,
    pb.ENFORCEMENT_RECORD: Enforcement.RECORD,
    pb.ENFORCEMENT_ENFORCE: Enforcement.ENFORCE,
    pb.ENFORCEMENT_PARTIAL: Enforcement.PARTIAL,
}
_HOLDING: Final = {
    pb.ENFORCEMENT_UNSPECIFIED: Enforcement.ENFORCE,
    pb.ENFORCEMENT_ENFORCE: Enforcement.ENFORCE,
    pb.ENFORCEMENT_PARTIAL: Enforcement.PARTIAL,
}


def report_from_proto(request: pb.ReportUsageRequest) -> Report:
    """The report.

    Raises:
        TollkeeperError: `INVALID_FIELD`, or `INVALID_TOKEN` where nothing else is wrong, naming every mistake.
    """
    mistakes = Mistakes()
    _check_names(request, mistakes)
    behavior = _BEHAVIORS.get(request.update_behavior)
    if behavior is None:
        mistakes.add("update_behavior", "must be UPDATE_BEHAVIOR_DELTA or UPDATE_BEHAVIOR_SET")
    enforcement = _ENFORCEMENTS.get(request.enforcement)
    if enforcement is None:
        mistakes.add("enforcement", "must be ENFORCEMENT_RECORD, ENFORCEMENT_ENFORCE or ENFORCEMENT_PARTIAL")
    parse = parse_quantity if behavior is Behavior.SET else parse_decimal
    value = mistakes.attempt(parse, request.value, "value")
    freshness = freshness_from_proto(request, mistakes)
    return Report(
        customer_id=request.customer_id,
        resource_id=request.resource_id,
        feature_id=request.feature_id,
        value=value or ZERO,
        behavior=behavior or Behavior.DELTA,
        enforcement=enforcement or Enforcement.RECORD,
        idempotency_key=request.idempotency_key,
        freshness=freshness,
    )


def reservation_from_proto(request: pb.ReserveUsageRequest) -> Report:
    """The report that is to be held.

    Raises:
        TollkeeperError: As for a report.
    """
    mistakes = Mistakes()
    _check_names(request, mistakes)
    value = mistakes.attempt(_amount, request.value, "value")
    hold = mistakes.attempt(_hold, request.ttl, "ttl") if request.HasField("ttl") else USUAL
    enforcement = _HOLDING.get(request.enforcement)
    if enforcement is None:
        mistakes.add("enforcement", "must be ENFORCEMENT_ENFORCE or ENFORCEMENT_PARTIAL")
    freshness = freshness_from_proto(request, mistakes)
    return Report(
        customer_id=request.customer_id,
        resource_id=request.resource_id,
        feature_id=request.feature_id,
        value=value or ZERO,
        behavior=Behavior.DELTA,
        enforcement=enforcement or Enforcement.ENFORCE,
        idempotency_key=request.idempotency_key,
        freshness=freshness,
        hold=hold,
    )


def commit_from_proto(request: pb.CommitReservationRequest) -> Settlement:
    """The settlement that commits.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    _check_reservation(request, mistakes)
    value = mistakes.attempt(_amount, request.value, "value") if request.value else None
    mistakes.check()
    return Settlement(request.customer_id, request.reservation_id, release=False, value=value)


def release_from_proto(request: pb.ReleaseReservationRequest) -> Settlement:
    """The settlement that releases.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    _check_reservation(request, mistakes)
    mistakes.check()
    return Settlement(request.customer_id, request.reservation_id, release=True)


def _check_names(request: pb.ReportUsageRequest | pb.ReserveUsageRequest, mistakes: Mistakes) -> None:
    _check_id(request.customer_id, "customer_id", mistakes)
    _check_id(request.feature_id, "feature_id", mistakes)
    if not 1 <= len(request.idempotency_key) <= MAX_KEY:
        mistakes.add("idempotency_key", f"must have 1 to {MAX_KEY} characters, so that a repeated report counts once")
    if request.resource_id:
        _check_id(request.resource_id, "resource_id", mistakes)


def _check_id(value: str, path: str, mistakes: Mistakes) -> None:
    if not _is_id(value):
        mistakes.attempt(check_id, value, path)


# The same customers and features are named again and again.
@lru_cache(maxsize=10_000)
def _is_id(value: str) -> bool:
    return _ID.fullmatch(value) is not None


def _check_reservation(request: pb.CommitReservationRequest | pb.ReleaseReservationRequest, mistakes: Mistakes) -> None:
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    mistakes.attempt(check_id, request.reservation_id, "reservation_id")


def _amount(text: str, path: str) -> Decimal:
    value = parse_decimal(text, path)
    if value <= 0:
        raise invalid(FieldViolation(path, "must be above 0"))
    return value


def _hold(message: Duration, path: str) -> timedelta:
    # Seconds are compared first: beyond them arithmetic would overflow.
    whole = 0 <= message.seconds <= LONGEST.total_seconds() and 0 <= message.nanos < _NANOS
    hold = timedelta(seconds=message.seconds, microseconds=message.nanos // 1_000) if whole else None
    if hold is None or not SHORTEST <= hold <= LONGEST:
        raise invalid(FieldViolation(path, "must be from 1 second to 24 hours"))
    return hold
