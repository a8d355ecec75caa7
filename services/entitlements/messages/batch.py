"""Batches of checks in the own contract's messages."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from entitlements.domain.decision import Decision
from entitlements.domain.request import Check, CheckFailure, Freshness
from entitlements.messages.decision import decision_to_proto
from entitlements.messages.request import check_values, freshness_from_proto
from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.ids import check_id
from kernel.quantity import ZERO, parse_quantity
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

# The contract's bound.
MAX_CHECKS: Final = 1_000

_ONE: Final = Decimal(1)


def batch_from_proto(request: pb.BatchCheckEntitlementsRequest) -> tuple[Sequence[Check], Freshness | None]:
    """The checks, and how fresh every answer must be.

    Raises:
        TollkeeperError: `INVALID_FIELD`, or `INVALID_TOKEN` where nothing else is wrong, naming every mistake.
    """
    count = len(request.checks)
    if not 1 <= count <= MAX_CHECKS:
        raise invalid(FieldViolation("checks", f"must hold 1 to {MAX_CHECKS:,} checks, not {count:,}"))
    mistakes = Mistakes()
    checks = [_check(check, number, mistakes) for number, check in enumerate(request.checks)]
    return checks, freshness_from_proto(request, mistakes)


def batch_to_proto(answers: Iterable[Decision | CheckFailure]) -> pb.BatchCheckEntitlementsResponse:
    """The answers."""
    return pb.BatchCheckEntitlementsResponse(results=[_result(answer) for answer in answers])


def _check(check: pb.EntitlementCheck, number: int, mistakes: Mistakes) -> Check:
    customer_id, feature_id = check.customer_id, check.feature_id
    mistakes.attempt(check_id, customer_id, f"checks[{number}].customer_id")
    mistakes.attempt(check_id, feature_id, f"checks[{number}].feature_id")
    requested: Decimal | None = _ONE
    if check.requested_usage:
        requested = mistakes.attempt(parse_quantity, check.requested_usage, f"checks[{number}].requested_usage")
    values = tuple(check.requested_values)
    if values:
        check_values(values, f"checks[{number}].requested_values", mistakes)
    return Check(customer_id, feature_id, requested or ZERO, values)


def _result(answer: Decision | CheckFailure) -> pb.EntitlementCheckResult:
    if isinstance(answer, Decision):
        return pb.EntitlementCheckResult(decision=decision_to_proto(answer))
    return pb.EntitlementCheckResult(failure=pb.CheckFailure(reason=answer.reason, message=answer.message))
