"""Revocations in the own contract's messages."""

from typing import Final

from entitlements.domain.promotional_grant import Revocation
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.text import check_text
from kit.proto import timestamp_to_proto
from tollkeeper.entitlements.v1 import revocation_service_pb2 as pb

# The contract's bound.
MAX_REASON: Final = 500


def revoke_from_proto(request: pb.RevokeEntitlementRequest) -> tuple[str, str, str]:
    """The customer, the feature, and why.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    _check_pair(request, mistakes)
    mistakes.attempt(check_text, request.reason, "reason", limit=MAX_REASON)
    mistakes.check()
    return request.customer_id, request.feature_id, request.reason


def restore_from_proto(request: pb.RestoreEntitlementRequest) -> tuple[str, str]:
    """The customer and the feature.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    _check_pair(request, mistakes)
    mistakes.check()
    return request.customer_id, request.feature_id


def revocation_to_proto(revocation: Revocation) -> pb.Revocation:
    """The revocation as the contract shows it."""
    return pb.Revocation(
        customer_id=revocation.customer_id,
        feature_id=revocation.feature_id,
        reason=revocation.reason,
        create_time=timestamp_to_proto(revocation.create_time),
    )


def _check_pair(request: pb.RevokeEntitlementRequest | pb.RestoreEntitlementRequest, mistakes: Mistakes) -> None:
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    mistakes.attempt(check_id, request.feature_id, "feature_id")
