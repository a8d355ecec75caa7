"""Bad batches of raw events over the wire: a reason, the index and the field, and nothing is stored."""

from collections.abc import Callable, Sequence

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.metering.conftest import Metering
from tests.integration.metering.samples import event
from tests.integration.metering.test_list_events import keys, listed
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest

YEAR_0 = Timestamp()
YEAR_0.seconds = -62_167_219_200
YEAR_9999 = Timestamp(seconds=253_402_300_799, nanos=999_999_999)

Change = Callable[[event_pb2.Event], object]


def mend(change: Change) -> event_pb2.Event:
    """An event that is good but for one thing."""
    message = event("bad", tail="N1", miles=5)
    change(message)
    return message


async def refusal(metering: Metering, *events: event_pb2.Event) -> RemoteRefusal:
    """How a batch is refused; nothing of it may be there afterwards."""
    with pytest.raises(RemoteRefusal) as refused:
        await metering.send(*events)
    assert keys(await listed(metering)) == []
    return refused.value


def crowd(one: event_pb2.Event) -> None:
    """Sixty-three dimensions more."""
    for number in range(63):
        one.dimensions[str(number)].bool_value = True


# What is wrong, and the fields that are named for it.
BAD: Sequence[tuple[Change, Sequence[str]]] = [
    (lambda one: one.dimensions["miles"].Clear(), ["dimensions['miles']"]),
    (lambda one: setattr(one.dimensions["miles"], "number_value", float("nan")), ["dimensions['miles'].number_value"]),
    (lambda one: setattr(one.dimensions["miles"], "number_value", float("inf")), ["dimensions['miles'].number_value"]),
    (lambda one: setattr(one.dimensions["miles"], "number_value", -float("inf")), ["dimensions['miles'].number_value"]),
    (lambda one: setattr(one.dimensions["miles"], "number_value", 1e300), ["dimensions['miles'].number_value"]),
    (lambda one: setattr(one.dimensions["miles"], "decimal_value", "NaN"), ["dimensions['miles'].decimal_value"]),
    (lambda one: setattr(one.dimensions["miles"], "decimal_value", "1e5"), ["dimensions['miles'].decimal_value"]),
    (lambda one: setattr(one.dimensions["tail"], "string_value", "x" * 1_025), ["dimensions['tail'].string_value"]),
    (lambda one: setattr(one.dimensions["tail"], "string_value", "x" * 1_000_000), ["dimensions['tail'].string_value"]),
    (lambda one: setattr(one.dimensions["x" * 129], "bool_value", True), [f"dimensions['{'x' * 128}']"]),
    (crowd, ["dimensions"]),
    (lambda one: setattr(one, "idempotency_key", "x" * 257), ["idempotency_key"]),
    (lambda one: setattr(one, "customer_id", "x" * 100_000), ["customer_id"]),
    (lambda one: setattr(one, "event_name", ""), ["event_name"]),
    (lambda one: setattr(one, "resource_id", "a b"), ["resource_id"]),
    (lambda one: one.timestamp.CopyFrom(YEAR_0), ["timestamp"]),
    (lambda one: one.timestamp.CopyFrom(YEAR_9999), ["timestamp"]),
    (lambda one: one.timestamp.CopyFrom(Timestamp(seconds=4_102_444_800)), ["timestamp"]),
]  # fmt: skip


async def test_one_bad_event_is_named_and_nothing_is_stored(metering: Metering) -> None:
    for change, fields in BAD:
        refused = await refusal(metering, event("good"), event("fine"), mend(change))
        assert refused.reason == "INVALID_FIELD"
        assert [violation.path for violation in refused.violations] == [f"events[2].{field}" for field in fields]
        assert all(violation.message for violation in refused.violations)


async def test_a_million_dimensions_are_refused_before_they_are_looked_at(metering: Metering) -> None:
    crowded = event("crowded")
    # As many as four mebibytes hold; a million are refused for their size.
    for number in range(200_000):
        crowded.dimensions[f"{number:x}"].bool_value = True
    refused = await refusal(metering, event("good"), crowded)
    assert [violation.path for violation in refused.violations] == ["events[1].dimensions"]
    for number in range(200_000, 1_000_000):
        crowded.dimensions[f"{number:x}"].bool_value = True
    assert "4,194,304 bytes" in str(await refusal(metering, crowded))


async def test_a_batch_over_its_limits_is_refused(metering: Metering) -> None:
    many = [event(str(number)) for number in range(5_001)]
    refused = await refusal(metering, *many)
    assert [violation.path for violation in refused.violations] == ["events"]
    assert "1 to 5,000 events, not 5,001" in str(refused)
    assert "send more in several batches" in str(refused)
    # 5,000 events fit by number, not by size.
    large = [event(str(number), text="x" * 1_000) for number in range(5_000)]
    assert "send less at a time" in str(await refusal(metering, *large))
    assert (await metering.send(*many[:5_000])).new_count == 5_000


async def test_bytes_that_are_no_message_are_refused(metering: Metering) -> None:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = metering.channel.unary_unary(
        "/tollkeeper.metering.v1.EventService/ReportEvents"
    )
    # A customer whose id is not UTF-8.
    bad_text = b"\x0a\x04\x12\x02\xff\xfe"
    for data in (b"\xff\xff\xff", bad_text):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(data, timeout=10)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(RemoteRefusal) as empty:
        await call(metering.events.ReportEvents, ReportEventsRequest())
    assert [violation.path for violation in empty.value.violations] == ["events"]
