"""A batch of events from the wire: taken whole, or every mistake named."""

import json
from decimal import Decimal

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kernel.errors import TollkeeperError
from metering.domain.event_batch import UNSETTLED, EventBatch
from metering.messages.event import value_to_proto
from metering.messages.event_batch import event_batch_from_proto
from metering.messages.event_mistakes import MAX_MISTAKES
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest

Value = event_pb2.Value


def event(key: str = "k", **fields: object) -> event_pb2.Event:
    """A good event but for what is given."""
    given: dict[str, object] = {"event_name": "flight.departed", "customer_id": "UA", "idempotency_key": key, **fields}
    return event_pb2.Event(**given)  # type: ignore[arg-type]  # the test gives what it likes.


def batch(*events: event_pb2.Event) -> EventBatch:
    """What the service makes of them."""
    return event_batch_from_proto(ReportEventsRequest(events=events))


def mistakes(*events: event_pb2.Event) -> list[str]:
    """The fields that are refused."""
    with pytest.raises(TollkeeperError) as refused:
        batch(*events)
    assert refused.value.reason == "INVALID_FIELD"
    assert all(violation.message for violation in refused.value.violations)
    return [violation.path for violation in refused.value.violations]


def test_values_keep_their_type_and_number() -> None:
    taken = batch(
        event(
            dimensions={
                "text": Value(string_value='12"\\\n\té\u2028'),
                "empty": Value(string_value=""),
                "yes": Value(bool_value=True),
                "no": Value(bool_value=False),
                "zero": Value(number_value=0),
                "double": Value(number_value=0.1),
                "whole": Value(number_value=1400.0),
                "tiny": Value(number_value=1e-7),
                "decimal": Value(decimal_value="-12.50"),
                'name \\ "\n': Value(decimal_value="7"),
            }
        )
    )
    expected = {
        "text": '12"\\\n\té\u2028',
        "empty": "",
        "yes": True,
        "no": False,
        "zero": 0,
        "double": Decimal("0.1"),
        "whole": 1400,
        "tiny": Decimal("0.0000001"),
        "decimal": Decimal("-12.5"),
        'name \\ "\n': 7,
    }
    assert taken.dimensions == [expected]
    assert json.loads(taken.dimension_texts[0], parse_float=Decimal) == expected
    assert taken.dimensions[0]["yes"] is True


def test_times_are_cut_to_microseconds_and_may_be_missing() -> None:
    times = [None, Timestamp(), Timestamp(seconds=5, nanos=1_999), Timestamp(seconds=221_845_392_000 - 1)]
    taken = batch(*(event(timestamp=time) for time in times))
    assert taken.times == [UNSETTLED, 0, 5_000_001, 221_845_391_999_000_000]


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"customer_id": ""}, ["customer_id"]),
        ({"customer_id": "a b"}, ["customer_id"]),
        ({"customer_id": "x" * 129}, ["customer_id"]),
        ({"customer_id": "a\0"}, ["customer_id"]),
        ({"event_name": "-departed"}, ["event_name"]),
        ({"resource_id": "é"}, ["resource_id"]),
        ({"idempotency_key": ""}, ["idempotency_key"]),
        ({"idempotency_key": "x" * 257}, ["idempotency_key"]),
        ({"idempotency_key": "a\0b"}, ["idempotency_key"]),
        ({"timestamp": Timestamp(seconds=-1)}, ["timestamp"]),
        ({"timestamp": Timestamp(seconds=-62_135_596_800)}, ["timestamp"]),
        ({"timestamp": Timestamp(seconds=253_402_300_799)}, ["timestamp"]),
        ({"timestamp": Timestamp(nanos=-1)}, ["timestamp"]),
        ({"timestamp": Timestamp(nanos=1_000_000_000)}, ["timestamp"]),
        ({"dimensions": {f"{n}": Value(bool_value=True) for n in range(65)}}, ["dimensions"]),
        ({"dimensions": {"": Value(bool_value=True)}}, ["dimensions['']"]),
        ({"dimensions": {"x" * 129: Value(bool_value=True)}}, [f"dimensions['{'x' * 128}']"]),
        ({"dimensions": {"a\0": Value(bool_value=True)}}, ["dimensions['a\\x00']"]),
        ({"dimensions": {"a": Value()}}, ["dimensions['a']"]),
        ({"dimensions": {"a": Value(string_value="x" * 1_025)}}, ["dimensions['a'].string_value"]),
        ({"dimensions": {"a": Value(string_value="\0")}}, ["dimensions['a'].string_value"]),
        ({"dimensions": {"a": Value(number_value=float("nan"))}}, ["dimensions['a'].number_value"]),
        ({"dimensions": {"a": Value(number_value=float("-inf"))}}, ["dimensions['a'].number_value"]),
        ({"dimensions": {"a": Value(number_value=1e18)}}, ["dimensions['a'].number_value"]),
        ({"dimensions": {"a": Value(decimal_value="1e3")}}, ["dimensions['a'].decimal_value"]),
        ({"dimensions": {"a": Value(decimal_value="")}}, ["dimensions['a'].decimal_value"]),
        (
            {"customer_id": "", "event_name": "", "dimensions": {"b": Value(), "a": Value()}},
            ["event_name", "customer_id", "dimensions['a']", "dimensions['b']"],
        ),
    ],
)
def test_every_mistake_is_named_by_index_and_field(fields: dict[str, object], paths: list[str]) -> None:
    good = event("good")
    assert mistakes(good, event(**fields), good) == [f"events[1].{path}" for path in paths]  # type: ignore[arg-type]  # the test gives what it likes.


def test_limits_are_inclusive() -> None:
    taken = batch(
        event(
            "x" * 256,
            customer_id="x" * 128,
            dimensions={f"{'n' * 126}{n:02}": Value(string_value="é" * 1_024) for n in range(64)},
        )
    )
    assert len(taken.dimensions[0]) == 64
    assert len(batch(*(event(f"{n}") for n in range(5_000)))) == 5_000


def test_a_batch_is_neither_empty_nor_too_large() -> None:
    assert mistakes() == ["events"]
    assert mistakes(*(event(f"{n}") for n in range(5_001))) == ["events"]


def test_of_very_many_mistakes_the_first_are_named() -> None:
    assert len(mistakes(*(event("") for _ in range(1_000)))) == MAX_MISTAKES


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (7, Value(number_value=7)),
        (Decimal("0.1"), Value(number_value=0.1)),
        (Decimal("0.1000000000000000055"), Value(decimal_value="0.1000000000000000055")),
        (10**17 + 1, Value(decimal_value="100000000000000001")),
        (True, Value(bool_value=True)),
        ("7", Value(string_value="7")),
    ],
)
def test_a_number_comes_back_as_a_double_where_one_holds_it(number: object, expected: event_pb2.Value) -> None:
    assert value_to_proto(number) == expected  # type: ignore[arg-type]  # one of the kinds.
