"""What goes wrong, as exceptions: each with the reason for programs, the sentence for people, and every field that is to be mended.

That something is not granted is none of these: it is an answer (`Decision.granted`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of a request that is wrong.

    Attributes:
        path: Which, as in "events[3].timestamp".
        message: How to mend it.
    """

    path: str
    message: str


class TollkeeperError(Exception):
    """A call failed. A refused request has changed nothing.

    Attributes:
        reason: A word for programs, a name of an `ErrorReason` of the contracts: "CUSTOMER_NOT_FOUND". Empty where the answer was not
            Tollkeeper's: a proxy's, or none at all.
        message: A sentence for people.
        code: The gRPC code: "NOT_FOUND".
        violations: The fields that are wrong.
        metadata: What else programs may want to know.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        code: str = "UNKNOWN",
        violations: tuple[FieldViolation, ...] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.code = code
        self.violations = violations
        self.metadata = dict(metadata or {})

    def __str__(self) -> str:
        fields = "".join(f" {violation.path}: {violation.message}." for violation in self.violations)
        return f"{self.reason or self.code}: {self.message}{fields}"


class InvalidRequestError(TollkeeperError):
    """Fields of the request are wrong: see `violations`."""


class NotFoundError(TollkeeperError):
    """Something that the request names does not exist."""


class AlreadyExistsError(TollkeeperError):
    """An id, an idempotency key or a request id was used before, for something else."""


class PreconditionError(TollkeeperError):
    """Not possible in the state that things are in."""


class ConflictError(TollkeeperError):
    """Another change came first: read again, and repeat."""


class ExhaustedError(TollkeeperError):
    """There is as much of something as there may be, or the service is at its limit of concurrent calls (`OVERLOADED`)."""


class UnavailableError(TollkeeperError):
    """The service, or something that the answer needs, could not be reached. A write may or may not have happened."""


class DeadlineError(TollkeeperError):
    """The time ran out before the answer was known. A write may or may not have happened: repeat it with the same key."""


_KINDS: Final[Mapping[grpc.StatusCode, type[TollkeeperError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionError,
    grpc.StatusCode.ABORTED: ConflictError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ExhaustedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    # Calls of ours are never canceled by ourselves: a server that stops cut it off.
    grpc.StatusCode.CANCELLED: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}


def error_of(failed: grpc.RpcError) -> TollkeeperError:
    """The exception for a failed call of either kind of channel."""
    call: Any = failed
    reason, metadata, violations = "", {}, []
    for detail in _details(call):
        info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            violations += [FieldViolation(item.field, item.description) for item in bad_request.field_violations]
    return _KINDS.get(call.code(), TollkeeperError)(
        call.details() or "The call failed without a word.",
        reason=reason,
        code=call.code().name,
        violations=tuple(violations),
        metadata=metadata,
    )


def _details(call: Any) -> Iterator[Any]:
    try:
        status = rpc_status.from_call(call)
    except ValueError:
        # Somebody between here and there sent details that contradict its code.
        return
    yield from () if status is None else status.details
