"""Reservations and partial reports between real neighbours, through two replicas."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

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


async def test_what_cannot_be_reserved_is_refused_by_name(carriers: Platform, united: Airline) -> None:
    for fields, code, name in (
        ({"customer_id": "nobody"}, "NOT_FOUND", "CUSTOMER_NOT_FOUND"),
        ({"feature_id": "nothing"}, "NOT_FOUND", "FEATURE_NOT_FOUND"),
        ({"feature_id": "miles"}, "FAILED_PRECONDITION", "FEATURE_NOT_CALCULATED"),
        ({"value": "NaN"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"value": "0"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"value": "-1"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"value": "1." + "1" * 13}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"idempotency_key": "k" * 257}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"enforcement": pb.ENFORCEMENT_RECORD}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"resource_id": "x" * 129}, "INVALID_ARGUMENT", "INVALID_FIELD"),
    ):
        asked: dict[str, Any] = {"customer_id": "united", "feature_id": "gates", "value": "1", "idempotency_key": "k"}
        request = pb.ReserveUsageRequest(**{**asked, **fields})
        assert await refusal(call(carriers.replicas[0].ReserveUsage, request)) == (code, name)
    for seconds in (0, 0.5, 25 * 3600, -1, 10**11):
        assert await refusal(united.reserve("1", seconds=seconds)) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert (await united.reserve("10", key="k")).reserved
