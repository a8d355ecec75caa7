"""Answers as their bytes: what does not change is encoded once, and each time only `as_of` is put behind it.

The fields of a message may stand in any order. Encoding a whole answer costs five times as much as putting it together.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from google.protobuf.message import DecodeError

from entitlements.domain.decision import Decision
from entitlements.domain.request import CheckFailure, Shown
from entitlements.messages.decision import decision_to_proto
from kit.proto import delimited, timestamp_to_proto
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.decision_pb2 import Decision as DecisionMessage

_AS_OF = DecisionMessage.AS_OF_FIELD_NUMBER
_DECISION = pb.CheckEntitlementResponse.DECISION_FIELD_NUMBER
_RESULTS = pb.BatchCheckEntitlementsResponse.RESULTS_FIELD_NUMBER
_RESULT_DECISION = pb.EntitlementCheckResult.DECISION_FIELD_NUMBER


def bare_check_from_bytes(data: bytes) -> tuple[str, str] | None:
    """The customer and the feature of a check that says nothing else; None for any other, and for what is no check."""
    try:
        request = pb.CheckEntitlementRequest.FromString(data)
    except DecodeError:
        return None
    if request.requested_usage or request.requested_values or request.HasField("consistency"):
        return None
    return request.customer_id, request.feature_id


def decision_to_bytes(decision: Decision) -> bytes:
    """A decision without its `as_of`."""
    message = decision_to_proto(decision)
    message.ClearField("as_of")
    return message.SerializeToString()


def check_to_bytes(shown: Shown) -> bytes:
    """The answer to a check."""
    decision, as_of = shown
    return delimited(_DECISION, decision + as_of_to_bytes(as_of))


def batch_to_bytes(answers: Sequence[Shown | CheckFailure]) -> bytes:
    """The answers to a batch."""
    results: list[bytes] = []
    for answer in answers:
        if isinstance(answer, CheckFailure):
            failure = pb.CheckFailure(reason=answer.reason, message=answer.message)
            results.append(delimited(_RESULTS, pb.EntitlementCheckResult(failure=failure).SerializeToString()))
            continue
        decision, as_of = answer
        results.append(delimited(_RESULTS, delimited(_RESULT_DECISION, decision + as_of_to_bytes(as_of))))
    return b"".join(results)


# Many answers have the same: what the replica knows moves on ten times a second.
@lru_cache(maxsize=16)
def as_of_to_bytes(as_of: datetime | None) -> bytes:
    """The field of a decision; nothing where it is not known."""
    return b"" if as_of is None else delimited(_AS_OF, timestamp_to_proto(as_of).SerializeToString())
