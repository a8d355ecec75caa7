"""What one replica gives, takes, reserves or takes back, the other knows by the token; and crossings are told once."""

import asyncio
import random
from collections.abc import Callable, Coroutine

import nats
import pytest

from tests.faults.replicas.world import SIDES, Airline, World, ask, departure, new_key
from tollkeeper.entitlements.v1.decision_pb2 import (
    DECISION_REASON_FEATURE_NOT_INCLUDED,
    DECISION_REASON_REVOKED,
    DECISION_REASON_WITHIN_LIMIT,
)
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    CommitReservationRequest,
    ReleaseReservationRequest,
    ReserveUsageRequest,
)
from tollkeeper.entitlements.v1.promotional_grant_pb2 import GrantedUsage, PromotionalGrant
from tollkeeper.entitlements.v1.promotional_grant_service_pb2 import (
    CreatePromotionalGrantRequest,
    RevokePromotionalGrantRequest,
)
from tollkeeper.entitlements.v1.revocation_service_pb2 import RestoreEntitlementRequest, RevokeEntitlementRequest
from tollkeeper.metering.v1.event_service_pb2 import EventKey, RetractEventsRequest
from tollkeeper.metering.v1.metering_events_pb2 import UsageThresholdCrossed

Live = Callable[[Airline, random.Random], Coroutine[None, None, None]]


@pytest.fixture
async def airlines(world: World) -> list[Airline]:
    """Some that both replicas hold."""
    return [await world.known_airline(gates=20) for _ in range(4)]


async def each(airlines: list[Airline], live: Live) -> None:
    """Everybody at once, each with its own dice."""
    await asyncio.gather(*(live(airline, random.Random(number)) for number, airline in enumerate(airlines)))


async def test_grants_and_revocations_are_seen_by_the_next_check(world: World, airlines: list[Airline]) -> None:
    async def live(airline: Airline, chance: random.Random) -> None:
        async def reason(token: str, feature: str) -> int:
            return (await world.check(chance.choice(SIDES), airline, feature, tokens=[token])).reason

        for number in range(8):
            side = world.sides[chance.choice(SIDES)]
            grant = PromotionalGrant(
                id=f"grant-{number}", customer_id=airline.id, feature_id="hours", metered=GrantedUsage(limit="100")
            )
            made = await ask(side.grants.CreatePromotionalGrant, CreatePromotionalGrantRequest(promotional_grant=grant))
            assert await reason(made.token, "hours") == DECISION_REASON_WITHIN_LIMIT
            written = await world.report(chance.choice(SIDES), airline, feature="hours", tokens=[made.token])
            assert (written.written, written.usage) == (True, str(number + 1))
            side = world.sides[chance.choice(SIDES)]
            end = RevokePromotionalGrantRequest(customer_id=airline.id, promotional_grant_id=grant.id)
            ended = await ask(side.grants.RevokePromotionalGrant, end)
            assert await reason(ended.token, "hours") == DECISION_REASON_FEATURE_NOT_INCLUDED
            take = RevokeEntitlementRequest(customer_id=airline.id, feature_id="calls")
            taken = await ask(world.sides[chance.choice(SIDES)].revocations.RevokeEntitlement, take)
            assert await reason(taken.token, "calls") == DECISION_REASON_REVOKED
            restore = RestoreEntitlementRequest(customer_id=airline.id, feature_id="calls")
            restored = await ask(world.sides[chance.choice(SIDES)].revocations.RestoreEntitlement, restore)
            assert await reason(restored.token, "calls") == DECISION_REASON_WITHIN_LIMIT

    await each(airlines, live)


async def test_reservations_hold_commit_and_free_through_any_replica(world: World, airlines: list[Airline]) -> None:
    async def live(airline: Airline, chance: random.Random) -> None:
        written = 0
        for _ in range(6):
            reserve = ReserveUsageRequest(
                customer_id=airline.id, feature_id="gates", value="5", idempotency_key=new_key()
            )
            held = await ask(world.sides[chance.choice(SIDES)].entitlements.ReserveUsage, reserve)
            assert held.reserved == (written + 5 <= 20)
            if not held.reserved:
                continue
            seen = await world.check(chance.choice(SIDES), airline, "gates", tokens=[held.token])
            assert (seen.usage, seen.reserved_usage) == (str(written + 5), "5")
            settling = world.sides[chance.choice(SIDES)].entitlements
            ids = {"customer_id": airline.id, "reservation_id": held.reservation_id}
            if chance.random() < 0.7:
                settled = await ask(settling.CommitReservation, CommitReservationRequest(**ids, value="4"))
                written += 4
            else:
                settled = await ask(settling.ReleaseReservation, ReleaseReservationRequest(**ids))
            seen = await world.check(chance.choice(SIDES), airline, "gates", tokens=[settled.token])
            assert (seen.usage, seen.reserved_usage) == (str(written), "")

    await each(airlines, live)


async def test_racing_reservations_and_reports_share_one_limit(world: World, airlines: list[Airline]) -> None:
    airline = airlines[0]

    async def reserve(side: int) -> int:
        request = ReserveUsageRequest(customer_id=airline.id, feature_id="gates", value="1", idempotency_key=new_key())
        return int((await ask(world.sides[side].entitlements.ReserveUsage, request)).reserved)

    async def report(side: int) -> int:
        return (await world.report(side, airline, feature="gates")).written

    outcomes = await asyncio.gather(*((reserve if n % 3 else report)(n % 2) for n in range(90)))
    assert sum(outcomes) == 20
    assert (await world.usages(airline))["gates"] == "20"


async def test_what_is_taken_back_is_gone_for_the_next_check(world: World, airlines: list[Airline]) -> None:
    async def live(airline: Airline, chance: random.Random) -> None:
        kept = 0
        for _ in range(10):
            first, second = departure(airline, miles=10, tail="N1"), departure(airline, miles=20, tail="N2")
            writer, retractor = chance.choice(SIDES), chance.choice(SIDES)
            await world.send(writer, [first, second])
            key = EventKey(customer_id=airline.id, idempotency_key=second.idempotency_key)
            answer = await ask(world.sides[retractor].events.RetractEvents, RetractEventsRequest(keys=[key]))
            kept += 10
            seen = await world.check(chance.choice(SIDES), airline, "miles", tokens=[answer.token])
            assert seen.usage == str(kept)
            # It never counts again, through whichever replica.
            again = await world.send(1 - retractor, [second])
            assert (again.new_count, again.duplicate_count) == (0, 1)
        assert (await world.usages(airline))["miles"] == str(kept)

    await each(airlines, live)


async def test_crossings_are_told_once_whoever_counts(world: World, airlines: list[Airline]) -> None:
    client = await nats.connect(world.platform.nats.url)
    told: dict[str, list[int]] = {airline.id: [] for airline in airlines}
    try:
        # The stream is made by metering's relay.
        subscription = await client.jetstream().subscribe("tollkeeper.metering.threshold.crossed.>")

        async def raced(airline: Airline) -> None:
            answers = await asyncio.gather(*(world.report(n % 2, airline, feature="gates") for n in range(30)))
            assert sum(answer.written for answer in answers) == 20

        await asyncio.gather(*map(raced, airlines))
        while sum(len(percents) for percents in told.values()) < 2 * len(airlines):
            crossed = UsageThresholdCrossed.FromString((await subscription.next_msg(timeout=20)).data)
            if crossed.customer_id in told:
                told[crossed.customer_id].append(crossed.percent)
        # Down and up again within the same period tells nobody: whatever came would come before this report's own.
        last = airlines[0]
        await world.report(0, last, -20, feature="gates")
        await world.report(1, last, 20, feature="gates")
        extra = await world.known_airline(gates=1)
        await world.report(0, extra, feature="gates")
        while (
            crossed := UsageThresholdCrossed.FromString((await subscription.next_msg(timeout=20)).data)
        ).customer_id != (extra.id):
            assert crossed.customer_id not in told
    finally:
        await client.close()
    assert {tuple(sorted(percents)) for percents in told.values()} == {(80, 100)}
