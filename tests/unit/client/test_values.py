"""Plain values in and out."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tollkeeper.client import Event, GrantedUsage, GrantReset, Period, Reason, ResetInterval, Retries
from tollkeeper.client.calling import is_passing
from tollkeeper.client.decision import decision_from_proto
from tollkeeper.client.errors import (
    ConflictError,
    DeadlineError,
    ExhaustedError,
    InvalidRequestError,
    TollkeeperError,
    UnavailableError,
)
from tollkeeper.client.event import Dimension, event_from_proto, event_to_proto
from tollkeeper.client.grant import Granted, grant_from_proto, grant_to_proto
from tollkeeper.client.wire import decimal_of, decimal_to_proto, period_of, time_from_proto, time_to_proto
from tollkeeper.entitlements.v1 import decision_pb2
from tollkeeper.metering.v1 import event_pb2

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (5, "5"),
        (-3, "-3"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("12.50"), "12.50"),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
    ],
)
def test_quantities_travel_without_exponent(number: Decimal | int, text: str) -> None:
    assert decimal_to_proto(number) == text


@pytest.mark.parametrize("wrong", [0.5, True, "5", None])
def test_what_is_no_exact_number_is_no_quantity(wrong: object) -> None:
    with pytest.raises(TypeError, match="a quantity is a Decimal or an int"):
        decimal_to_proto(wrong)  # type: ignore[arg-type]  # that is the point.


def test_times_are_aware_and_exact_to_the_microsecond() -> None:
    for time in (
        NOON,
        NOON + timedelta(microseconds=1),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ):
        assert time_from_proto(time_to_proto(time)) == time
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert time_from_proto(time_to_proto(elsewhere)) == NOON
    with pytest.raises(ValueError, match="needs its time zone"):
        time_to_proto(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point.


def test_what_is_unset_is_none() -> None:
    decision = decision_from_proto(decision_pb2.Decision(feature_id="gates"))
    assert (decision.limit, decision.usage, decision.remaining, decision.usage_period) == (None, None, None, None)
    assert (decision.source, decision.as_of, decision.feature_type, decision.granted) == (None, None, None, False)
    assert not decision
    assert decimal_of("") is None
    endless = decision_pb2.Decision()
    endless.usage_period.SetInParent()
    assert period_of(endless, "usage_period") == Period(None, None)


def test_a_word_of_a_newer_service_is_another_reason() -> None:
    assert decision_from_proto(decision_pb2.Decision(reason=999)).reason is Reason.OTHER  # type: ignore[arg-type]  # a number that is none yet.


def test_events_keep_the_types_of_their_dimensions() -> None:
    dimensions: dict[str, Dimension] = {"text": "7", "yes": True, "whole": 7, "exact": Decimal("0.10"), "double": 0.1}
    message = event_to_proto(Event("departed", "acme", dimensions, NOON, "key", "plane"))
    kinds = {name: value.WhichOneof("kind") for name, value in message.dimensions.items()}
    assert kinds == {
        "text": "string_value",
        "yes": "bool_value",
        "whole": "decimal_value",
        "exact": "decimal_value",
        "double": "number_value",
    }
    back = event_from_proto(message)
    assert back.dimensions == {"text": "7", "yes": True, "whole": 7, "exact": Decimal("0.1"), "double": Decimal("0.1")}
    assert (back.timestamp, back.idempotency_key, back.resource_id) == (NOON, "key", "plane")
    assert event_from_proto(event_pb2.Event()).timestamp is None


@pytest.mark.parametrize(
    "granted",
    [
        True,
        ("a", "b"),
        Decimal(30),
        GrantedUsage(None),
        GrantedUsage(Decimal("2.5"), soft_limit=True),
        GrantedUsage(Decimal(3), reset=GrantReset(ResetInterval.DAY, calendar=True, time_zone="Europe/Berlin")),
    ],
)
def test_what_is_granted_comes_back(granted: Granted) -> None:
    message = grant_to_proto("acme", "gates", granted, id="g1", start_time=NOON, expire_time=None, reason="because")
    grant = grant_from_proto(message)
    assert grant.entitlement == granted
    assert (grant.id, grant.start_time, grant.expire_time, grant.revoke_time) == ("g1", NOON, None, None)


def test_one_text_is_no_list_of_values() -> None:
    with pytest.raises(TypeError, match="a sequence of texts"):
        grant_to_proto("acme", "airports", "JFK", id="", start_time=None, expire_time=None, reason="")


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (UnavailableError("", code="UNAVAILABLE"), True),
        (DeadlineError(""), True),
        (ConflictError("", reason="CONCURRENT_CHANGE"), True),
        (ConflictError("", reason="ETAG_MISMATCH"), False),
        (ExhaustedError("", reason="OVERLOADED"), True),
        (ExhaustedError("", reason="TOO_MANY_GRANTS"), False),
        (InvalidRequestError(""), False),
        (TollkeeperError("", code="INTERNAL"), False),
    ],
)
def test_which_failures_pass(error: TollkeeperError, *, passing: bool) -> None:
    assert is_passing(error) == passing


def test_pauses_grow_are_jittered_and_bounded() -> None:
    retries = Retries(first_pause=0.1, greatest_pause=1.0)
    for failures, middle in ((1, 0.1), (2, 0.2), (3, 0.4), (5, 1.0), (10_000, 1.0)):
        pauses = [retries.pause(failures) for _ in range(200)]
        assert middle * 0.5 <= min(pauses) < middle < max(pauses) <= middle * 1.5
