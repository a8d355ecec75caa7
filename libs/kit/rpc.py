"""The gRPC server: one builder, and one interceptor through which every unary call passes.

The interceptor does it all, because each further one costs a tenth of the calls a second. Its order:
request id → deadline → decode → refuse U+0000 → handler → error to status → log line for faults.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
import structlog
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, invalid
from kit import deadline
from kit.errors import DEFAULT_DETAIL_BYTES, DETAIL_BYTES_HEADER, MAX_DETAIL_BYTES, RemoteRefusal, status_of
from kit.logs import request_id
from kit.settings import StartError

log = structlog.get_logger()

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler = Callable[[Any, Context], Awaitable[Message]]
Decode = Callable[[bytes], Message]

# The contract's greatest message; a batch of 5,000 events fits.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# What the transport takes in, so that most messages that are too large get an answer of ours, which says what to do.
_MAX_RECEIVED_BYTES = 4 * MAX_MESSAGE_BYTES

# PostgreSQL's words for "another transaction came first": serialization failure, deadlock, lock not available.
_CONCURRENT_SQLSTATES = {"40001", "40P01", "55P03"}
# Longer request ids are cut: they are written into every log line.
_REQUEST_ID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Registration:
    """A servicer with what the server needs to know of it.

    Attributes:
        service_name: The full name, such as "tollkeeper.catalog.v1.FeatureService".
        add: The generated ``add_…Servicer_to_server``, with the servicer bound.
        trusted_text: Methods that check U+0000 themselves, because a walk over their messages is too slow.
    """

    service_name: str
    add: Callable[[grpc.aio.Server], None]
    trusted_text: frozenset[str] = frozenset()


class Server:
    """A gRPC server with health and reflection; not serving until told so."""

    def __init__(
        self, context: str, listen: str, registrations: Sequence[Registration], *, max_concurrent: int
    ) -> None:
        trusted = frozenset().union(*(registration.trusted_text for registration in registrations))
        self._server = grpc.aio.server(
            interceptors=[_Edge(context, trusted)],
            maximum_concurrent_rpcs=max_concurrent,
            options=(
                # Without it two different servers share one port and its traffic without any error.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _MAX_RECEIVED_BYTES),
                ("grpc.max_metadata_size", MAX_DETAIL_BYTES * 2),
                ("grpc.absolute_max_metadata_size", MAX_DETAIL_BYTES * 2),
                # Clients that keep idle connections alive are polite, not to be sent away.
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ),
        )
        self._health = health.aio.HealthServicer()
        self._names = ["", *(registration.service_name for registration in registrations)]
        for registration in registrations:
            registration.add(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*self._names[1:], health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port = self._bind(listen)

    def _bind(self, listen: str) -> int:
        try:
            return self._server.add_insecure_port(listen)
        except RuntimeError:
            msg = f"{listen} cannot be listened on: another program has the port. Stop it, or set TOLLKEEPER_LISTEN to a free one."
            raise PortTakenError(msg) from None

    async def start(self) -> None:
        """Answers calls, health with NOT_SERVING."""
        await self.set_serving(serving=False)
        await self._server.start()

    async def set_serving(self, *, serving: bool) -> None:
        """Tells probes whether to send traffic here."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self._names:
            await self._health.set(name, status)

    async def stop(self, grace: float) -> None:
        """Takes no new calls, and gives the running ones the grace to end."""
        await self._server.stop(grace)


class PortTakenError(StartError):
    """The port is in use; the text says what to do."""


# A string: the runtime's class takes no parameters, only the type checker's does.
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _Edge(grpc.aio.ServerInterceptor):
    """Turns bytes into a request, and whatever a handler raises into a status."""

    def __init__(self, context: str, trusted_text: frozenset[str]) -> None:
        self._context = context
        self._trusted_text = trusted_text
        self._wrapped: dict[str, MethodHandler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["MethodHandler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "MethodHandler | None":
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None or not handler.unary_unary or not method.startswith("/tollkeeper."):
            return handler
        wrapped = grpc.unary_unary_rpc_method_handler(
            self._guarded(method, cast(Handler, handler.unary_unary), cast(Decode, handler.request_deserializer)),
            request_deserializer=None,
            response_serializer=handler.response_serializer,
        )
        self._wrapped[method] = wrapped
        return wrapped

    def _guarded(self, method: str, handler: Handler, decode: Decode) -> Callable[[bytes, Context], Awaitable[Message]]:
        checks_text = method not in self._trusted_text

        async def guarded(data: bytes, context: Context) -> Message:
            metadata = dict(context.invocation_metadata() or ())
            request_id.set(str(metadata.get("x-request-id", "") or uuid.uuid4().hex)[:_REQUEST_ID_LENGTH])
            deadline.start(context.time_remaining())
            try:
                request = _decoded(decode, data)
                if checks_text and b"\0" in data:
                    _refuse_nul(request)
                return await handler(request, context)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - the edge: every fault must end in a canonical code.
                refusal = _refusal(error)
            if refusal.kind is ErrorKind.INTERNAL:
                log.error("rpc_fault", method=method)
            status = status_of(refusal, self._context, detail_bytes=_detail_bytes(metadata))
            await context.abort(status.code, status.details, status.trailing_metadata)
            raise AssertionError  # abort always raises; the type checker cannot know.

        return guarded


def _decoded(decode: Decode, data: bytes) -> Message:
    if len(data) > MAX_MESSAGE_BYTES:
        raise invalid(
            FieldViolation("", f"must have at most {MAX_MESSAGE_BYTES:,} bytes, not {len(data):,}: send less at a time")
        )
    try:
        return decode(data)
    except DecodeError:
        violation = FieldViolation(
            "", "is not a message of this method's request type, or holds text that is not UTF-8"
        )
        raise invalid(violation) from None


def _detail_bytes(metadata: dict[str, Any]) -> int:
    text = str(metadata.get(DETAIL_BYTES_HEADER, ""))
    return (
        min(int(text), MAX_DETAIL_BYTES)
        if text.isascii() and text.isdigit() and len(text) < 9
        else DEFAULT_DETAIL_BYTES
    )


def _refusal(error: Exception) -> TollkeeperError:
    match error:
        case TollkeeperError():
            return error
        case TimeoutError():
            return TollkeeperError(
                ErrorKind.DEADLINE_EXCEEDED,
                "DEADLINE_EXCEEDED",
                "The time ran out before the answer was known. Repeat the request with the same key.",
            )
        case DBAPIError() if getattr(error.orig, "sqlstate", None) in _CONCURRENT_SQLSTATES:
            return TollkeeperError(
                ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request."
            )
        case OperationalError() | InterfaceError() | PoolTimeoutError():
            log.warning("database_unavailable", error=str(error))
            return TollkeeperError(
                ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "The store cannot be reached. Retry with backoff."
            )
        case RemoteRefusal():
            log.error("unexpected_refusal", error=str(error))
        case _:
            log.error("unexpected_error", exc_info=error)
    return TollkeeperError(
        ErrorKind.INTERNAL, "INTERNAL", f"Something went wrong inside. Report request id {request_id.get()}."
    )


def _refuse_nul(message: Message) -> None:
    found = [
        FieldViolation(path, "must not contain the character U+0000; remove it") for path in _with_nul(message, "")
    ]
    if found:
        raise invalid(*found)


def _with_nul(value: Any, path: str) -> Iterator[str]:
    """The paths of all texts within the value that hold U+0000."""
    if isinstance(value, str) and "\0" in value:
        yield path
    elif isinstance(value, Message):
        for field, part in value.ListFields():
            yield from _with_nul_in(field, part, f"{path}.{field.name}" if path else field.name)


def _with_nul_in(field: FieldDescriptor, value: Any, path: str) -> Iterator[str]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key, entry in value.items():
            yield from _with_nul(key, f"{path}[{key!r}]")
            yield from _with_nul(entry, f"{path}[{key!r}]")
    elif field.is_repeated:
        for number, entry in enumerate(value):
            yield from _with_nul(entry, f"{path}[{number}]")
    else:
        yield from _with_nul(value, path)
