"""Any bytes to any method end in a canonical code, and leave everything as it was."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import World
from tollkeeper.billing.v1 import (
    customer_service_pb2,
    invoice_service_pb2,
    subscription_service_pb2,
    test_clock_service_pb2,
)

NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31)]
SECONDS = [0, 1, -1, 2**63 - 1, -(2**63), 253_402_300_800, 1_357_000_000]
TEXTS = [
    "", "UA", "ua", "2013", "airline", "gates", "20", "21.5", "-0", "1e9", "NaN", "9" * 18, "9" * 40, "0." + "0" * 11 + "1",
    "America/New_York", "../etc", "USD", "XXX", "\u0000", "\ud7ff\U0010ffff", "a" * 129, "id", "tk1_", "WyJhIiwgIlx1MDAwMCJd",
]  # fmt: skip
SERVICES: list[ServiceDescriptor] = [
    customer_service_pb2.DESCRIPTOR.services_by_name["CustomerService"],
    subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"],
    invoice_service_pb2.DESCRIPTOR.services_by_name["InvoiceService"],
    test_clock_service_pb2.DESCRIPTOR.services_by_name["TestClockService"],
]


def methods() -> Iterator[tuple[str, Descriptor]]:
    for service in SERVICES:
        for method in service.methods:
            yield f"/{service.full_name}/{method.name}", method.input_type


def nonsense(chance: random.Random, kind: Descriptor, depth: int = 0) -> Message:
    """A message of the kind whose fields hold anything that the kind allows; the deeper, the less."""
    message = GetMessageClass(kind)()
    for field in kind.fields:
        if chance.random() < 0.3 + 0.2 * depth:
            continue
        count = chance.choice([1, 1, 2, 2 if depth else 101]) if field.is_repeated else 1
        values = [value_of(chance, field, depth) for _ in range(count)]
        if field.message_type is not None:
            targets = (
                [getattr(message, field.name).add() for _ in values]
                if field.is_repeated
                else [getattr(message, field.name)]
            )
            for target, value in zip(targets, values, strict=True):
                target.CopyFrom(value)
        elif field.is_repeated:
            getattr(message, field.name).extend(values)
        else:
            setattr(message, field.name, values[0])
    return message


def value_of(chance: random.Random, field: FieldDescriptor, depth: int) -> Any:
    makers: dict[int, Callable[[], Any]] = {
        FieldDescriptor.TYPE_STRING: lambda: chance.choice(TEXTS),
        FieldDescriptor.TYPE_BOOL: lambda: chance.random() < 0.5,
        FieldDescriptor.TYPE_INT64: lambda: chance.choice(SECONDS),
        FieldDescriptor.TYPE_INT32: lambda: chance.choice(NUMBERS),
        FieldDescriptor.TYPE_ENUM: lambda: chance.choice([0, 1, 2, 77]),
    }
    return makers[field.type]() if field.message_type is None else nonsense(chance, field.message_type, depth + 1)


async def answered(channel: grpc.aio.Channel, method: str, data: bytes) -> grpc.StatusCode:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    try:
        await call(data, timeout=20)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_nonsense_is_answered_with_a_canonical_code(world: World) -> None:
    chance = random.Random(2013)
    world.catalog.publish(plan("airline", gates(), departures()))
    await world.clock("2013", datetime(2013, 1, 1, tzinfo=UTC))
    await world.customer("UA", "2013")
    await world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    seen = set()
    for method, kind in methods():
        for _ in range(12):
            data = nonsense(chance, kind).SerializeToString()
            if chance.random() < 0.2:
                data = chance.randbytes(chance.randrange(40))
            code = await answered(world.channel, method, data)
            assert code not in {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}, (method, data)
            seen.add(code)
    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND} <= seen
    numbers = [invoice.number for invoice in await world.invoices_of()]
    assert numbers == [f"TK-{i:06}" for i in range(1, len(numbers) + 1)]
