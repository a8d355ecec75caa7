"""Batches of checks in the own contract's messages."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from entitlements.domain.request import ONE, Check, Freshness
from entitlements.messages.request import check_values, freshness_from_proto
from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.ids import ID_PATTERN, check_id
from kernel.quantity import ZERO, parse_quantity
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

# The contract's bound.
MAX_CHECKS: Final = 1_000

_is_id: Final = re.compile(ID_PATTERN).fullmatch


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


def _check(check: pb.EntitlementCheck, number: int, mistakes: Mistakes) -> Check:
    customer_id, feature_id = check.customer_id, check.feature_id
    # Nearly all checks are like this one, and there are a thousand of them.
    if not check.requested_usage and not check.requested_values and _is_id(customer_id) and _is_id(feature_id):
        return Check(customer_id, feature_id)
    mistakes.attempt(check_id, customer_id, f"checks[{number}].customer_id")
    mistakes.attempt(check_id, feature_id, f"checks[{number}].feature_id")
    requested: Decimal | None = ONE
    if check.requested_usage:
        requested = mistakes.attempt(parse_quantity, check.requested_usage, f"checks[{number}].requested_usage")
    values = tuple(check.requested_values)
    if values:
        check_values(values, f"checks[{number}].requested_values", mistakes)
    return Check(customer_id, feature_id, requested or ZERO, values, is_bare=False)
