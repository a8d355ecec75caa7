"""Reservations and partial reports between real neighbours, through two replicas."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.entitlements.real import Platform, platform
from tests.integration.entitlements.test_real_neighbours import carriers
from tests.integration.entitlements.world import reason
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

__all__ = ["carriers", "platform"]


class Airline:
    """United, with so many gates, and what it asks."""

    def __init__(self, platform: Platform, token: str) -> None:
        self._platform = platform
        self._token = token

    async def reserve(
        self, value: str, *, replica: int = 0, key: str = "", seconds: float | None = None, **fields: Any
    ) -> pb.ReserveUsageResponse:
        """Reserves gates."""
        request = pb.ReserveUsageRequest(
            customer_id="united",
            feature_id="gates",
            value=value,
            idempotency_key=key or f"key-{next(self._platform.keys)}",
            **fields,
        )
        request.consistency.at_least_as_fresh.tokens.append(self._token)
        if seconds is not None:
            request.ttl.FromTimedelta(timedelta(seconds=seconds))
        return await call(self._platform.replicas[replica].ReserveUsage, request)

    async def commit(self, name: str, value: str = "", *, replica: int = 0) -> pb.CommitReservationResponse:
        """Commits all of it, or so much."""
        request = pb.CommitReservationRequest(customer_id="united", reservation_id=name, value=value)
        return await call(self._platform.replicas[replica].CommitReservation, request)

    async def release(self, name: str, *, replica: int = 0) -> pb.ReleaseReservationResponse:
        """Releases it."""
        request = pb.ReleaseReservationRequest(customer_id="united", reservation_id=name)
        return await call(self._platform.replicas[replica].ReleaseReservation, request)


@pytest.fixture
async def united(carriers: Platform) -> Airline:
    """United with ten gates."""
    return Airline(carriers, await carriers.provision("united", "10"))


async def refusal(asking: "asyncio.Future[Any] | Any") -> tuple[str, str]:
    """Code and reason."""
    with pytest.raises(RemoteRefusal) as refused:
        await asking
    return refused.value.code.name, refused.value.reason


async def test_what_is_reserved_counts_as_used_for_checks_on_every_replica(carriers: Platform, united: Airline) -> None:
    made = await united.reserve("6")
    assert (made.reserved, made.reserved_value, made.decision.usage, made.decision.reserved_usage) == (
        True,
        "6",
        "6",
        "6",
    )
    left = made.expire_time.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)
    for replica, tokens in ((0, ()), (1, (made.token,))):
        decision = await carriers.check("united", "gates", *tokens, replica=replica)
        assert (decision.usage, decision.reserved_usage, decision.remaining) == ("6", "6", "4")
        assert decision.explanation.startswith("6 of 10 gates are used")
    refused = await united.reserve("5", replica=1)
    assert (refused.reserved, reason(refused.decision), refused.reservation_id) == (False, "LIMIT_EXCEEDED", "")
    assert refused.decision.explanation == "6 of 10 gates are used; 5 more would pass the limit of 10 by 1."
    part = await united.reserve("5", replica=1, enforcement=pb.ENFORCEMENT_PARTIAL)
    assert (part.reserved, part.reserved_value) == (True, "4")
    released = await united.release(part.reservation_id)
    committed = await united.commit(made.reservation_id, "2.5", replica=1)
    assert (committed.written_value, committed.usage) == ("2.5", "2.5")
    for replica in (0, 1):
        decision = await carriers.check("united", "gates", released.token, committed.token, replica=replica)
        assert (decision.usage, decision.reserved_usage, decision.remaining) == ("2.5", "", "7.5")


async def test_each_ends_once(united: Airline) -> None:
    first, second = await united.reserve("2", key="a"), await united.reserve("3")
    for _ in range(2):
        assert (await united.commit(first.reservation_id)).written_value == "2"
        assert (await united.release(second.reservation_id)).token
    again = await united.reserve("2", key="a", replica=1)
    assert (again.reserved, again.reservation_id, again.expire_time) == (True, first.reservation_id, first.expire_time)
    settled = ("FAILED_PRECONDITION", "RESERVATION_SETTLED")
    assert await refusal(united.commit(first.reservation_id, "1")) == settled
    assert await refusal(united.release(first.reservation_id)) == settled
    assert await refusal(united.commit(second.reservation_id)) == settled
    assert await refusal(united.commit("res_0")) == ("NOT_FOUND", "RESERVATION_NOT_FOUND")
    assert await refusal(united.release("res_0")) == ("NOT_FOUND", "RESERVATION_NOT_FOUND")
    third = await united.reserve("3")
    assert await refusal(united.commit(third.reservation_id, "3.1")) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert await refusal(united.reserve("3", key="a")) == ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED")


async def test_one_that_lapses_is_room_again_for_checks_within_a_second(carriers: Platform, united: Airline) -> None:
    made = await united.reserve("10", seconds=1)
    assert not (await carriers.check("united", "gates", made.token, replica=1)).granted
    async with asyncio.timeout(10):
        while not (await carriers.check("united", "gates", replica=1)).granted:
            pass
    assert datetime.now(UTC) - made.expire_time.ToDatetime(UTC) < timedelta(seconds=1)
    assert await refusal(united.commit(made.reservation_id)) == ("FAILED_PRECONDITION", "RESERVATION_LAPSED")
    assert (await united.release(made.reservation_id)).token


async def test_as_much_as_fits_is_written_and_a_repeated_key_says_how_much(carriers: Platform, united: Airline) -> None:
    async def partly(value: str, key: str, **fields: Any) -> pb.ReportUsageResponse:
        request = pb.ReportUsageRequest(
            customer_id="united",
            feature_id="gates",
            value=value,
            enforcement=pb.ENFORCEMENT_PARTIAL,
            idempotency_key=key,
            **fields,
        )
        return await call(carriers.replicas[0].ReportUsage, request)

    await united.reserve("3")
    first = await partly("8.5", "a")
    assert (first.written, first.written_value, first.usage, first.decision.reserved_usage) == (True, "7", "10", "3")
    full = await partly("1", "b")
    assert (full.written, full.written_value, reason(full.decision)) == (False, "0", "LIMIT_EXCEEDED")
    lowered = await partly("-2", "b")
    assert (lowered.written, lowered.written_value, lowered.usage) == (True, "-2", "8")
    again = await partly("8.5", "a")
    assert (again.written, again.written_value, again.usage) == (True, "7", "10")
    assert (await partly("6", "c")).written_value == "2"


NAMED: list[tuple[dict[str, Any], str, str]] = [
    ({"customer_id": "nobody"}, "CUSTOMER_NOT_FOUND", ""),
    ({"feature_id": "nothing"}, "FEATURE_NOT_FOUND", ""),
    ({"feature_id": "miles"}, "FEATURE_NOT_CALCULATED", ""),
    ({"value": "NaN"}, "INVALID_FIELD", "value"),
    ({"value": "Infinity"}, "INVALID_FIELD", "value"),
    ({"value": "1e3"}, "INVALID_FIELD", "value"),
    ({"value": "1." + "1" * 13}, "INVALID_FIELD", "value"),
    ({"value": "1" * 19}, "INVALID_FIELD", "value"),
    ({"value": "9" * 100_000}, "INVALID_FIELD", "value"),
    ({"idempotency_key": "k" * 257}, "INVALID_FIELD", "idempotency_key"),
    ({"idempotency_key": "k\0"}, "INVALID_FIELD", "idempotency_key"),
    ({"idempotency_key": ""}, "INVALID_FIELD", "idempotency_key"),
    ({"customer_id": "c" * 129}, "INVALID_FIELD", "customer_id"),
    ({"resource_id": "x" * 129}, "INVALID_FIELD", "resource_id"),
    ({"enforcement": 77}, "INVALID_FIELD", "enforcement"),
]
HOLDING: list[tuple[dict[str, Any], str, str]] = [
    *NAMED,
    ({"value": "0"}, "INVALID_FIELD", "value"),
    ({"value": "-1"}, "INVALID_FIELD", "value"),
    ({"enforcement": pb.ENFORCEMENT_RECORD}, "INVALID_FIELD", "enforcement"),
    *(({"ttl": Duration(seconds=seconds)}, "INVALID_FIELD", "ttl") for seconds in (0, 86_401, -1, 10**11)),
    ({"ttl": Duration(nanos=500_000_000)}, "INVALID_FIELD", "ttl"),
    ({"ttl": Duration(seconds=86_400, nanos=1_000)}, "INVALID_FIELD", "ttl"),
]


async def test_what_cannot_be_reported_or_reserved_is_refused_by_name(carriers: Platform, united: Airline) -> None:
    api = carriers.replicas[0]
    fine: dict[str, Any] = {"customer_id": "united", "feature_id": "gates", "value": "1", "idempotency_key": "k"}

    async def why(asking: Any) -> tuple[str, list[str]]:
        with pytest.raises(RemoteRefusal) as refused:
            await asking
        return refused.value.reason, [violation.path for violation in refused.value.violations]

    for fields, reason_, path in NAMED:
        found = await why(call(api.ReportUsage, pb.ReportUsageRequest(**{**fine, **fields})))
        assert found == (reason_, [path] if path else [])
    for fields, reason_, path in HOLDING:
        found = await why(call(api.ReserveUsage, pb.ReserveUsageRequest(**{**fine, **fields})))
        assert found == (reason_, [path] if path else [])
    for value in ("0", "-1", "NaN", "1" * 19):
        assert await why(united.commit("res_1", value)) == ("INVALID_FIELD", ["value"])
    assert await why(united.commit("")) == ("INVALID_FIELD", ["reservation_id"])
    assert await why(united.release("r" * 129)) == ("INVALID_FIELD", ["reservation_id"])
    # Nothing of all that was written: the key is free, and so is every gate.
    assert (await united.reserve("10", key="k")).reserved


async def test_callers_of_two_replicas_never_pass_the_limit_together(carriers: Platform, united: Airline) -> None:
    written: list[Decimal] = []
    seen: list[Decimal] = []

    async def caller(number: int) -> None:
        replica = number % 2
        for _ in range(5):
            made = await united.reserve("3", replica=replica, enforcement=pb.ENFORCEMENT_PARTIAL)
            seen.append(Decimal(made.decision.usage))
            if made.reserved and number % 3:
                done = await united.commit(made.reservation_id, "1", replica=1 - replica)
                written.append(Decimal(done.written_value))
            elif made.reserved:
                await united.release(made.reservation_id, replica=1 - replica)
            taken = await carriers.enforce("united", "1", replica=replica)
            seen.append(Decimal(taken.usage))
            written.append(Decimal(taken.written_value))
            if taken.written and number % 2:
                back = await carriers.enforce("united", "-1", replica=1 - replica)
                written.append(Decimal(back.written_value))

    await asyncio.gather(*(caller(number) for number in range(16)))
    assert max(seen) == 10
    last = await carriers.enforce("united", "-1")
    written.append(Decimal(last.written_value))
    for replica in (0, 1):
        decision = await carriers.check("united", "gates", last.token, replica=replica)
        assert (Decimal(decision.usage), decision.reserved_usage) == (sum(written), "")
