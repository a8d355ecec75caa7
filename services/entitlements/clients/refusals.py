"""What a neighbour's refusal means to a reader: that the thing does not exist, or that the neighbour is not well."""

from collections.abc import Collection
from typing import Any, TypeVar

import grpc

from kernel.errors import ErrorKind, TollkeeperError
from kit.client import call
from kit.errors import RemoteRefusal

Response = TypeVar("Response")

# A fault of the neighbour's own says nothing of the question: it is asked again later.
_UNWELL = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.DATA_LOSS,
}


async def answered(
    method: "grpc.aio.UnaryUnaryMultiCallable[Any, Response]", request: Any, *, missing: Collection[str] = ()
) -> Response | None:
    """The answer to a question that changes nothing; None where it is refused for one of these reasons.

    Raises:
        TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the neighbour cannot be reached, or is not well.
        RemoteRefusal: Any other refusal.
    """
    try:
        return await call(method, request, retry=True)
    except RemoteRefusal as refusal:
        if refusal.reason in missing:
            return None
        if refusal.code in _UNWELL:
            raise unwell() from refusal
        raise


def unwell() -> TollkeeperError:
    """A neighbour that answers with a fault of its own."""
    message = "A service that this answer needs is not well. Retry with backoff."
    return TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message)
