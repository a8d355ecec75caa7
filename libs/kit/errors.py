"""From an error to a `google.rpc.Status`, and back: one table from kind to code; nothing else names a code."""

from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from kernel.errors import ErrorKind, FieldViolation, TollkeeperError
from tollkeeper.common.v1 import error_reason_pb2

CODES: dict[ErrorKind, grpc.StatusCode] = {
    ErrorKind.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorKind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ErrorKind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    ErrorKind.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorKind.ABORTED: grpc.StatusCode.ABORTED,
    ErrorKind.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorKind.DEADLINE_EXCEEDED: grpc.StatusCode.DEADLINE_EXCEEDED,
    ErrorKind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    ErrorKind.INTERNAL: grpc.StatusCode.INTERNAL,
}

# gRPC clients accept 8 KiB of trailing metadata unless told otherwise; Base64 and the other details take their share.
DEFAULT_DETAIL_BYTES = 4_000
# A caller that accepts more says so in this request header, as `tollkeeper apply` does to hear of every mistake.
DETAIL_BYTES_HEADER = "tollkeeper-error-bytes"
MAX_DETAIL_BYTES = 1_000_000

_COMMON_REASONS = frozenset(error_reason_pb2.ErrorReason.keys())


def domain_of(reason: str, context: str) -> str:
    """The `ErrorInfo` domain of a reason: the platform's for common ones, else the context's."""
    return "tollkeeper" if f"ERROR_REASON_{reason}" in _COMMON_REASONS else f"tollkeeper.{context}"


def status_of(error: TollkeeperError, context: str, *, detail_bytes: int = DEFAULT_DETAIL_BYTES) -> grpc.Status:
    """The rich status of an error; violations beyond the budget are counted instead of named."""
    code = CODES[error.kind]
    status = status_pb2.Status(code=code.value[0], message=error.message[:2_000])
    info = error_details_pb2.ErrorInfo(
        reason=error.reason, domain=domain_of(error.reason, context), metadata=error.metadata
    )
    status.details.append(_packed(info))
    if error.violations:
        status.details.append(_packed(_bad_request(error.violations, detail_bytes)))
    result: grpc.Status = rpc_status.to_status(status)
    return result


def _bad_request(violations: tuple[FieldViolation, ...], budget: int) -> error_details_pb2.BadRequest:
    request = error_details_pb2.BadRequest()
    for number, violation in enumerate(violations):
        budget -= len(violation.path) + len(violation.message.encode()) + 8
        if budget < 0 and number > 0:
            request.field_violations.add(field="", description=f"and {len(violations) - number} more mistakes")
            break
        request.field_violations.add(field=violation.path, description=violation.message)
    return request


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


@dataclass(slots=True)
class RemoteRefusal(Exception):  # noqa: N818 - it is an answer, and named so.
    """Another service refused: a caller that expects the reason acts on it, else it is a fault of ours."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict[str, str]
    violations: tuple[FieldViolation, ...] = ()

    def __str__(self) -> str:
        return f"{self.code.name} {self.reason}: {self.message}"


def refusal_of(error: grpc.aio.AioRpcError) -> RemoteRefusal:
    """Reads the rich status of a failed call."""
    refusal = RemoteRefusal(error.code(), "", error.details() or "", {})
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # AioRpcError has the methods it reads.
    for detail in status.details if status is not None else ():
        info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            refusal.reason, refusal.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            refusal.violations = tuple(
                FieldViolation(item.field, item.description) for item in bad_request.field_violations
            )
    return refusal
