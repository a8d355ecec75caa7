"""Any bytes sent to any RPC end in a reply with a canonical code: never UNKNOWN or INTERNAL, never a hang, never a dead process."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from cli.local_platform import Platform
from tollkeeper.billing.v1 import (
    customer_service_pb2,
    invoice_service_pb2,
    subscription_service_pb2,
    test_clock_service_pb2,
)
from tollkeeper.catalog.v1 import (
    add_on_service_pb2,
    catalog_service_pb2,
    coupon_service_pb2,
    feature_service_pb2,
    plan_service_pb2,
    product_service_pb2,
)
from tollkeeper.entitlements.v1 import (
    entitlements_service_pb2,
    promotional_grant_service_pb2,
    revocation_service_pb2,
)
from tollkeeper.metering.v1 import event_service_pb2, tracker_service_pb2, usage_service_pb2

FILES: dict[str, list[Any]] = {
    "catalog": [
        add_on_service_pb2,
        catalog_service_pb2,
        coupon_service_pb2,
        feature_service_pb2,
        plan_service_pb2,
        product_service_pb2,
    ],
    "metering": [event_service_pb2, tracker_service_pb2, usage_service_pb2],
    "entitlements": [entitlements_service_pb2, promotional_grant_service_pb2, revocation_service_pb2],
    "billing": [customer_service_pb2, invoice_service_pb2, subscription_service_pb2, test_clock_service_pb2],
}
METHODS = [
    (context, method)
    for context, files in FILES.items()
    for file in files
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
FAULTS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
}
TEXTS = [
    "",
    "x",
    "0",
    "-1",
    "1e9",
    "NaN",
    "9" * 40,
    "0.1",
    "a b",
    "é" * 300,
    "\0",
    "../..",
    "USD",
    "UTC",
    "Mars/Olympus",
    "a" * 5_000,
]
NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31)]


def _anything(descriptor: Descriptor, chance: random.Random, depth: int = 0) -> Message:
    """A message with some fields set to something nasty."""
    message: Any = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if chance.random() < 0.3 or depth > 6:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        for _ in range(chance.choice([1, 2]) if field.is_repeated else 1):
            _set(message, field, chance, depth)
    return message  # type: ignore[no-any-return]  # a message of the descriptor's class.


def _set(message: Any, field: FieldDescriptor, chance: random.Random, depth: int) -> None:
    value: Any
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            assert field.message_type is not None
            value = _anything(field.message_type, chance, depth + 1)
            (getattr(message, field.name).append if field.is_repeated else getattr(message, field.name).CopyFrom)(value)
            return
        case FieldDescriptor.CPPTYPE_STRING:
            value = chance.choice(TEXTS)
        case FieldDescriptor.CPPTYPE_BOOL:
            value = chance.choice([True, False])
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            value = chance.choice([0.0, -1.5, 1e300, float("nan"), float("inf"), 5e-324])
        case FieldDescriptor.CPPTYPE_ENUM:
            value = chance.choice([0, 1, 2, 99])
        case FieldDescriptor.CPPTYPE_INT64:
            value = chance.choice([*NUMBERS, 2**63 - 1, -(2**63)])
        case _:
            value = chance.choice(NUMBERS)
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _requests(method: MethodDescriptor) -> Iterator[bytes]:
    chance = random.Random(method.full_name)
    yield b""
    for _ in range(15):
        yield chance.randbytes(chance.randrange(1, 200))
    for _ in range(40):
        whole = _anything(method.input_type, chance).SerializeToString()
        yield whole
        yield whole[: chance.randrange(len(whole) + 1)]


@pytest.mark.parametrize(("context", "method"), METHODS, ids=[method.full_name for _, method in METHODS])
async def test_any_bytes_get_a_canonical_answer(platform: Platform, context: str, method: MethodDescriptor) -> None:
    assert method.containing_service is not None
    path = f"/{method.containing_service.full_name}/{method.name}"
    async with grpc.aio.insecure_channel(platform.addresses[context]) as channel:
        if method.client_streaming:
            # Many streams at a time: one that is not refused says nothing before its first heartbeat.
            requests = list(_requests(method))
            ends = await asyncio.gather(*(_stream_refusal(channel.stream_stream(path), each) for each in requests))
            refusals = list(zip(requests, ends, strict=True))
        else:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
            refusals = [(request, await _refusal(call, request)) for request in _requests(method)]
        serving = await _refusal(channel.unary_unary("/grpc.health.v1.Health/Check"), b"")
    for request, refusal in refusals:
        if refusal is not None:
            assert refusal.code() not in FAULTS, (refusal.code(), refusal.details(), request)
            assert "grpc-status-details-bin" in dict(refusal.trailing_metadata() or ()), (refusal.details(), request)
    assert serving is None


async def _stream_refusal(
    call: "grpc.aio.StreamStreamMultiCallable[bytes, bytes]", request: bytes
) -> grpc.aio.AioRpcError | None:
    """What a stream says first."""
    stream = call(timeout=30)
    try:
        await stream.write(request)
        await stream.read()
    except grpc.aio.AioRpcError as error:
        return error
    finally:
        stream.cancel()
    return None


async def _refusal(
    call: "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]", request: bytes
) -> grpc.aio.AioRpcError | None:
    try:
        await call(request, timeout=30)
    except grpc.aio.AioRpcError as error:
        return error
    return None
