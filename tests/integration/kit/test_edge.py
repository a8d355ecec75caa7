"""The guard around methods: what a handler raises, and what a client sends, ends in a status that says what to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import grpc
import pytest

from kernel.errors import not_found
from kit.client import open_channel
from kit.errors import RemoteRefusal, refusal_of
from kit.rpc import Context, Registration, Server
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1 import entitlements_service_pb2_grpc as grpc_api

NAME = "tollkeeper.entitlements.v1.EntitlementsService"


class _Handlers(grpc_api.EntitlementsServiceServicer):
    """Stand-ins: what they do is what the client names."""

    async def CheckEntitlement(  # type: ignore[override]
        self, request: pb.CheckEntitlementRequest, _context: Context
    ) -> bytes:
        if request.customer_id == "missing":
            raise not_found("CUSTOMER_NOT_FOUND", "Nobody.")
        return pb.CheckEntitlementResponse().SerializeToString()

    async def WatchEntitlements(
        self, requests: AsyncIterator[pb.WatchEntitlementsRequest], _context: Context
    ) -> AsyncIterator[pb.WatchEntitlementsResponse]:
        async for request in requests:
            if request.remove_customer_ids == ["fault"]:
                raise RuntimeError("a secret")
            yield pb.WatchEntitlementsResponse()
        await asyncio.Event().wait()


def _at_once(data: bytes) -> bytes | None:
    request = pb.CheckEntitlementRequest.FromString(data)
    answer = pb.CheckEntitlementResponse()
    answer.decision.explanation = "At once."
    return answer.SerializeToString() if request.feature_id == "known" else None


@asynccontextmanager
async def _serving() -> AsyncIterator[tuple[Server, grpc.aio.Channel]]:
    handlers = _Handlers()  # type: ignore[abstract]  # the others are not called.
    add = partial(grpc_api.add_EntitlementsServiceServicer_to_server, handlers)
    registration = Registration(NAME, add, at_once={"CheckEntitlement": _at_once})
    server = Server("entitlements", "127.0.0.1:0", [registration], max_concurrent=10)
    await server.start()
    async with open_channel(f"127.0.0.1:{server.port}") as channel:
        yield server, channel
    await server.stop(0)


def _stream(channel: grpc.aio.Channel) -> "grpc.aio.StreamStreamCall[bytes, bytes]":
    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(f"/{NAME}/WatchEntitlements")
    return method(timeout=10)


async def _end(channel: grpc.aio.Channel, *messages: bytes) -> RemoteRefusal:
    call = _stream(channel)

    async def talk() -> None:
        for message in messages:
            await call.write(message)
            await call.read()

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await talk()
    return refusal_of(refused.value)


async def test_an_answer_that_is_there_already_needs_no_handler() -> None:
    async with _serving() as (_, channel):
        api = grpc_api.EntitlementsServiceStub(channel)
        known = await api.CheckEntitlement(pb.CheckEntitlementRequest(customer_id="missing", feature_id="known"))
        assert known.decision.explanation == "At once."
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await api.CheckEntitlement(pb.CheckEntitlementRequest(customer_id="missing"))
        assert refusal_of(refused.value).reason == "CUSTOMER_NOT_FOUND"


async def test_a_fault_in_a_stream_ends_it_without_its_secret() -> None:
    async with _serving() as (_, channel):
        ended = await _end(channel, pb.WatchEntitlementsRequest(remove_customer_ids=["fault"]).SerializeToString())
    assert (ended.code, ended.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in ended.message


async def test_wrong_bytes_in_a_stream_end_it() -> None:
    async with _serving() as (_, channel):
        junk = await _end(channel, b"", b"\xff\xff\xff")
        nul = await _end(channel, pb.WatchEntitlementsRequest(remove_customer_ids=["a\0"]).SerializeToString())
    assert (junk.code, junk.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.path for violation in nul.violations] == ["remove_customer_ids[0]"]


async def test_a_stream_ends_when_the_server_drains() -> None:
    async with _serving() as (server, channel):
        call = _stream(channel)
        await call.write(b"")
        await call.read()
        stopping = asyncio.create_task(server.stop(5))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
        await stopping
    assert refusal_of(refused.value).code is grpc.StatusCode.UNAVAILABLE
