"""Written through one replica, read through another: an answer that carries the token is never from before the write."""

import asyncio
import random

import pytest

from tests.faults.replicas.world import SIDES, Airline, World, departure

AIRLINES = 8


@pytest.fixture
async def airlines(world: World) -> list[Airline]:
    """Some that both replicas hold."""
    return [await world.known_airline() for _ in range(AIRLINES)]


async def test_two_thousand_reports_are_each_seen_by_the_next_check(world: World, airlines: list[Airline]) -> None:
    async def live(airline: Airline, chance: random.Random) -> None:
        for number in range(1, 2_000 // AIRLINES + 1):
            writer, reader = chance.choice(SIDES), chance.choice(SIDES)
            answer = await world.report(writer, airline)
            assert (answer.written, answer.decision.usage) == (True, str(number))
            decision = await world.check(reader, airline, "calls", tokens=[answer.token])
            assert decision.usage == str(number), (writer, reader)

    await asyncio.gather(*(live(airline, random.Random(n)) for n, airline in enumerate(airlines)))


async def test_raw_events_are_seen_by_the_next_check(world: World, airlines: list[Airline]) -> None:
    async def live(airline: Airline, chance: random.Random) -> None:
        miles = 0
        tails: set[str] = set()
        for number in range(1, 61):
            distance, tail = chance.randrange(1, 3_000), f"N{chance.randrange(30)}"
            miles += distance
            tails.add(tail)
            token = (await world.send(chance.choice(SIDES), [departure(airline, miles=distance, tail=tail)])).token
            reader = chance.choice(SIDES)
            feature, usage = chance.choice(
                [("departures", number), ("miles", miles), ("aircraft", len(tails))],
            )
            assert (await world.check(reader, airline, feature, tokens=[token])).usage == str(usage)

    await asyncio.gather(*(live(airline, random.Random(n)) for n, airline in enumerate(airlines)))


async def test_a_changed_subscription_is_seen_by_the_next_check_and_report(
    world: World, airlines: list[Airline]
) -> None:
    async def live(airline: Airline, chance: random.Random) -> None:
        for gates in range(2, 14):
            token = await world.commit(airline, gates)
            reader = chance.choice(SIDES)
            assert (await world.check(reader, airline, "gates", tokens=[token])).limit == str(gates)
            # The other one fills it, and both refuse what is above.
            taken = 2 if gates == 2 else 1
            filled = await world.report(1 - reader, airline, taken, feature="gates", tokens=[token])
            assert (filled.written, filled.usage) == (True, str(gates))
            for side in SIDES:
                refused = await world.report(side, airline, feature="gates", tokens=[token])
                assert (refused.written, refused.usage) == (False, str(gates))

    await asyncio.gather(*(live(airline, random.Random(n)) for n, airline in enumerate(airlines)))
