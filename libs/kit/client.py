"""Calls to other services: one channel builder, and one way to call that keeps deadlines, request ids and reasons."""

import json
from typing import Any, TypeVar

import grpc

from kernel.errors import ErrorKind, TollkeeperError
from kit import deadline
from kit.errors import MAX_DETAIL_BYTES, RemoteRefusal, refusal_of
from kit.logs import request_id

Response = TypeVar("Response")

MAX_MESSAGE_BYTES = 16 * 1024 * 1024

CHANNEL_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_DETAIL_BYTES * 2),
    ("grpc.absolute_max_metadata_size", MAX_DETAIL_BYTES * 2),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A neighbour that comes back is found again at once, not after the default's growing minutes: a refused connection is
    # tried again within a quarter of a second, one that nobody answers after a second.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 250),
    ("grpc.min_reconnect_backoff_ms", 1_000),
)

# Codes that say nothing of the request: the neighbour is away, overloaded, or too slow.
_AWAY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to a service; it connects with the first call and reconnects by itself."""
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)


async def call(
    method: "grpc.aio.UnaryUnaryMultiCallable[Any, Response]",
    request: Any,
    *,
    limit: float = deadline.DEFAULT_SECONDS,
    retry: bool = False,
) -> Response:
    """Calls another service within the caller's deadline.

    With `retry`, for idempotent methods only, a first UNAVAILABLE is tried once more: a restarted neighbour's old
    connection fails just once.

    Raises:
        TollkeeperError: `DEPENDENCY_UNAVAILABLE` if it cannot be reached in time.
        RemoteRefusal: It answered with a refusal.
    """
    try:
        return await _call_once(method, request, limit)
    except grpc.aio.AioRpcError as error:
        if not (retry and error.code() is grpc.StatusCode.UNAVAILABLE):
            raise _translated(error) from error
    try:
        return await _call_once(method, request, limit)
    except grpc.aio.AioRpcError as error:
        raise _translated(error) from error


async def _call_once(method: "grpc.aio.UnaryUnaryMultiCallable[Any, Response]", request: Any, limit: float) -> Response:
    metadata = (("x-request-id", request_id.get()),) if request_id.get() else ()
    return await method(request, timeout=deadline.remaining(limit), metadata=metadata)


def _translated(error: grpc.aio.AioRpcError) -> TollkeeperError | RemoteRefusal:
    if error.code() in _AWAY:
        return TollkeeperError(
            ErrorKind.UNAVAILABLE,
            "DEPENDENCY_UNAVAILABLE",
            "A service that this answer needs cannot be reached. Retry with backoff.",
        )
    return refusal_of(error)
