"""The edge of a service: from bytes to a request, and from whatever a handler raises to a status.

A guard stands around every method of ours, because an interceptor costs a tenth of the calls a second and each further one as
much again. Its order: request id → deadline → decode → refuse U+0000 → handler → error to status → log line for faults.
"""

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, NoReturn, TypeAlias, cast

import grpc
import structlog
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, invalid
from kit import deadline
from kit.errors import DEFAULT_DETAIL_BYTES, DETAIL_BYTES_HEADER, MAX_DETAIL_BYTES, status_of
from kit.faults import public_error
from kit.logs import request_id

log = structlog.get_logger()

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
# A string: the runtime's class takes no parameters, only the type checker's does.
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Decode = Callable[[bytes], Message]
# A handler gives a message, or its bytes where it has them already.
Unary = Callable[[Any, Context], Awaitable[Message | bytes]]
Streaming = Callable[[AsyncIterator[Any], Context], AsyncIterator[Message | bytes]]

Guarded = Callable[[bytes, Context], Awaitable[Message | bytes]]
# The answer to a request where it is there already.
AtOnce = Callable[[bytes], bytes | None]

# The contract's greatest message; a batch of 5,000 events fits.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

# Longer request ids are cut: they are written into every log line.
_REQUEST_ID_LENGTH = 64


class Edge:
    """Guards the methods of one context."""

    def __init__(self, context: str) -> None:
        self._context = context
        self._streams: set[asyncio.Task[Any]] = set()
        self._draining = False

    def guarded(
        self, method: str, handler: MethodHandler, *, checks_text: bool, at_once: AtOnce | None = None
    ) -> MethodHandler:
        """The handler with a guard around it.

        Args:
            method: Its name, for the log.
            handler: Of a unary method, or of one that streams both ways.
            checks_text: Whether to refuse U+0000 in its requests.
            at_once: Gives the answers of a unary method that are there already, before anything else is done.

        Raises:
            TypeError: It is of another kind, which the contract does not use.
        """
        decode = cast(Decode, handler.request_deserializer)
        if handler.unary_unary is not None:
            unary = self._unary(method, cast(Unary, handler.unary_unary), decode, checks_text=checks_text)
            if at_once is not None:
                unary = _at_once_or(at_once, unary)
            return grpc.unary_unary_rpc_method_handler(unary, response_serializer=encoded)
        if handler.stream_stream is not None:
            streaming = self._streaming(method, cast(Streaming, handler.stream_stream), decode, checks_text=checks_text)
            return grpc.stream_stream_rpc_method_handler(streaming, response_serializer=encoded)
        raise TypeError(f"{method} streams one way only")

    def drain(self) -> None:
        """Ends the streams: they have no end of their own, and their clients are to go elsewhere."""
        self._draining = True
        for task in self._streams:
            task.cancel()

    def _unary(self, method: str, handler: Unary, decode: Decode, *, checks_text: bool) -> Guarded:
        async def unary(data: bytes, context: Context) -> Message | bytes:
            metadata = _begin(context)
            try:
                return await handler(_request(decode, data, checks_text=checks_text), context)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - the edge: every fault must end in a canonical code.
                refusal = public_error(error)
            return await self._abort(refusal, context, method=method, metadata=metadata)

        return unary

    def _streaming(
        self, method: str, handler: Streaming, decode: Decode, *, checks_text: bool
    ) -> Callable[[AsyncIterable[bytes], Context], Awaitable[None]]:
        async def requests(data: AsyncIterable[bytes]) -> AsyncIterator[Message]:
            async for each in data:
                yield _request(decode, each, checks_text=checks_text)

        # A coroutine that writes, not a generator: what the handler holds is given back before the call ends.
        async def streaming(data: AsyncIterable[bytes], context: Context) -> None:
            metadata = _begin(context)
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine runs in a task.
            self._streams.add(task)
            try:
                if self._draining:
                    # It was let in just before.
                    raise _moving()
                async with aclosing(cast(Any, handler(requests(data), context))) as responses:
                    async for response in responses:
                        await context.write(response)
                    return
            except asyncio.CancelledError:
                if not self._draining:
                    raise
                task.uncancel()
                refusal = _moving()
            except Exception as error:  # noqa: BLE001 - as above.
                refusal = public_error(error)
            finally:
                self._streams.discard(task)
            await self._abort(refusal, context, method=method, metadata=metadata)

        return streaming

    async def _abort(
        self, refusal: TollkeeperError, context: Context, *, method: str, metadata: Mapping[str, Any]
    ) -> NoReturn:
        if refusal.kind is ErrorKind.INTERNAL:
            log.error("rpc_fault", method=method)
        status = status_of(refusal, self._context, detail_bytes=_detail_bytes(metadata))
        await context.abort(status.code, status.details, status.trailing_metadata)
        raise AssertionError  # abort always raises; the type checker cannot know.


def _at_once_or(at_once: AtOnce, unary: Guarded) -> Guarded:
    async def answered(data: bytes, context: Context) -> Message | bytes:
        answer = at_once(data)
        return await unary(data, context) if answer is None else answer

    return answered


def encoded(response: Message | bytes) -> bytes:
    """The response's bytes."""
    return response if isinstance(response, bytes) else response.SerializeToString()


def _begin(context: Context) -> Mapping[str, Any]:
    metadata = dict(context.invocation_metadata() or ())
    request_id.set(str(metadata.get("x-request-id", "") or uuid.uuid4().hex)[:_REQUEST_ID_LENGTH])
    deadline.start(context.time_remaining())
    return metadata


def _moving() -> TollkeeperError:
    message = "This replica is stopping. Open the stream again: another one answers."
    return TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message)


def _request(decode: Decode, data: bytes, *, checks_text: bool) -> Message:
    if len(data) > MAX_MESSAGE_BYTES:
        raise invalid(
            FieldViolation("", f"must have at most {MAX_MESSAGE_BYTES:,} bytes, not {len(data):,}: send less at a time")
        )
    try:
        request = decode(data)
    except DecodeError:
        violation = FieldViolation(
            "", "is not a message of this method's request type, or holds text that is not UTF-8"
        )
        raise invalid(violation) from None
    if checks_text and b"\0" in data:
        _refuse_nul(request)
    return request


def _detail_bytes(metadata: Mapping[str, Any]) -> int:
    text = str(metadata.get(DETAIL_BYTES_HEADER, ""))
    return (
        min(int(text), MAX_DETAIL_BYTES)
        if text.isascii() and text.isdigit() and len(text) < 9
        else DEFAULT_DETAIL_BYTES
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
