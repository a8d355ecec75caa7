"""Any bytes to any method end in a canonical code, and one caller's nonsense costs no other caller anything."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, JANUARY, SUM, calculated, event, metered, monthly, report, tracker
from tollkeeper.metering.v1 import event_service_pb2, tracker_service_pb2, usage_service_pb2

ROUNDS = 25

NUMBERS = [0, 1, -1, 2, 2**31 - 1, -(2**31)]
BIG_NUMBERS = [0, 1, -1, 2**63 - 1, -(2**63), 1_357_016_400, 1_360_000_000, 253_402_300_799]
DOUBLES = [0.0, -0.0, 0.1, 1e17, 1e18, 5e-324, 1.7e308, float("nan"), float("inf"), 7.033914763236505e16]
TEXTS = [
    "", "UA", "UA", "departures", "miles", "gates", "gates", "JFK", "flight.departed", "key", "UTC", "America/New_York", "Mars/X",
    "1", "-1", "+7", "2.50", "-0.0", "1e9", "NaN", "9" * 18, "9" * 19, "0." + "0" * 11 + "1", "0." + "1" * 13,
    "\0", "a\0b", "\\", "\\N", "\\.", "\t\n\r\\", "'\";--", "{}", "é" * 128, "\ud7ff\U0010ffff", "a" * 129, "b" * 257, "c" * 1_025, "tk1_",
]  # fmt: skip
# What fits a field; without it nothing would get past the first check.
SENSIBLE: dict[str, list[Any]] = {
    "customer_id": ["UA", "AA"],
    "feature_id": ["departures", "miles", "gates", "gates"],
    "resource_id": ["", "", "JFK"],
    "event_name": ["flight.departed"],
    "idempotency_key": [f"{n}" for n in range(50)],
    "time_zone": ["UTC", "America/New_York"],
    "interval": [1, 2, 4],
    "seconds": [1_360_000_000, 1_362_000_000],
    "nanos": [0, 999_999_999],
    "value": ["1", "2.5", "-1"],
    "limit": ["5"],
    "entitlement_revision": [1, 2],
    "update_behavior": [0, 1, 2],
    "granularity": [0, 1, 2, 3],
    "page_size": [0, 1, 3],
    "page_token": [""],
    "group_by": ["miles", "origin"],
    "decimal_value": ["1.5"],
    "number_value": [0.1, 7],
    "string_value": ["JFK"],
}
# What comes later or earlier than what beside it.
EARLY = {"anchor_time": 1_357_016_400, "start_time": 1_357_016_400, "end_time": 1_364_000_000}
SERVICES: list[ServiceDescriptor] = [
    event_service_pb2.DESCRIPTOR.services_by_name["EventService"],
    usage_service_pb2.DESCRIPTOR.services_by_name["UsageService"],
    tracker_service_pb2.DESCRIPTOR.services_by_name["TrackerService"],
]


def methods() -> Iterator[tuple[str, Descriptor]]:
    """Every method with its request."""
    for service in SERVICES:
        for method in service.methods:
            yield f"/{service.full_name}/{method.name}", method.input_type


def nonsense(chance: Random, kind: Descriptor, *, sense: float) -> Message:
    """A message of the kind whose fields hold anything that the kind allows; what fits them with the given probability."""
    message = GetMessageClass(kind)()
    for field in kind.fields:
        if field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name) is not None:
            continue
        if chance.random() > max(sense, 0.8) or (field.containing_oneof is not None and chance.random() < 0.5):
            continue
        target = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for _ in range(chance.choice([0, 1, 3, 3, 65 if chance.random() > sense else 2])):
                key = chance.choice(TEXTS) if chance.random() > sense else chance.choice(SENSIBLE["group_by"])
                target[key].CopyFrom(
                    nonsense(chance, _kind_of(field.message_type.fields_by_name["value"]), sense=sense)
                )
        elif field.is_repeated:
            for _ in range(chance.choice([1, 1, 2, 5] if chance.random() < sense else [0, 5, 1_001])):
                target.append(value_of(chance, field, sense=sense))
        elif field.message_type is not None:
            target.CopyFrom(value_of(chance, field, sense=sense))
        else:
            setattr(message, field.name, value_of(chance, field, sense=sense))
    return message


def value_of(chance: Random, field: FieldDescriptor, *, sense: float) -> Any:
    """Something for one field."""
    if field.message_type is not None:
        if field.name in EARLY and chance.random() < sense:
            return Timestamp(seconds=EARLY[field.name])
        if field.name == "recurrence" and chance.random() < 0.3:
            return GetMessageClass(_kind_of(field))()
        return nonsense(chance, field.message_type, sense=sense)
    if field.name in SENSIBLE and chance.random() < sense:
        return chance.choice(SENSIBLE[field.name])
    if field.name == "page_token":
        return page_token(chance)
    makers: dict[int, Callable[[], Any]] = {
        FieldDescriptor.TYPE_STRING: lambda: chance.choice(TEXTS),
        FieldDescriptor.TYPE_BOOL: lambda: chance.random() < 0.5,
        FieldDescriptor.TYPE_DOUBLE: lambda: chance.choice(DOUBLES),
        FieldDescriptor.TYPE_INT64: lambda: chance.choice(BIG_NUMBERS),
        FieldDescriptor.TYPE_INT32: lambda: chance.choice(NUMBERS),
        FieldDescriptor.TYPE_ENUM: lambda: chance.choice([0, 1, 2, 3, 77]),
    }
    return makers[field.type]()


def _kind_of(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None
    return field.message_type


def page_token(chance: Random) -> str:
    """The shape of a real one, with anything in it."""
    parts = [chance.choice([*TEXTS, "1" * 18, "-5", "²"]) for _ in range(chance.choice([1, 2, 3, 3, 3, 4]))]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


async def answered(channel: grpc.aio.Channel, method: str, data: bytes) -> grpc.StatusCode:
    """How a call ends."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    try:
        await call(data, timeout=30)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_nonsense_is_answered_with_a_canonical_code(metering: Metering, neighbours: Neighbours) -> None:
    chance = Random(2013)
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), calculated("gates")):
        neighbours.features[feature.id] = feature
    await metering.register(tracker("departures", monthly(), customer="good"))
    seen = set()
    for number in range(ROUNDS):
        calls = []
        for method, kind in methods():
            data = nonsense(chance, kind, sense=chance.choice([0.5, 0.97, 1])).SerializeToString()
            if chance.random() < 0.1:
                data = chance.randbytes(chance.randrange(40))
            calls.append((method, data))
        # Together, so that they are gathered with the good ones.
        codes, sent, reported = await asyncio.gather(
            asyncio.gather(*(answered(metering.channel, *call) for call in calls)),
            metering.send(event(f"{number}", customer="good")),
            metering.report(report(f"{number}", "1", customer="good")),
        )
        faults = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.ABORTED}
        assert [call for call, code in zip(calls, codes, strict=True) if code in faults] == []
        assert (sent.new_count, reported[0].window.value) == (1, f"{number + 1}")
        seen.update(codes)
    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND} <= seen
    assert await metering.value(tracker("departures", monthly(), customer="good"), JANUARY) == f"{ROUNDS}"
