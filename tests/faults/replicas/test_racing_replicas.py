"""Callers of all replicas at once: no limit passed, nothing lost, nothing twice, and no deadlock."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.replicas.counting import counted
from tests.faults.replicas.world import SIDES, Airline, World, departure
from tollkeeper.entitlements.v1.entitlements_service_pb2 import ReportUsageResponse


@pytest.fixture(autouse=True)
def no_deadlock(world: World) -> Iterator[None]:
    """PostgreSQL did not have to break one."""
    before = world.deadlocks()
    yield
    assert world.deadlocks() == before


async def test_racing_callers_never_pass_a_limit(world: World) -> None:
    airline = await world.known_airline(gates=200)

    async def race(count: int) -> list[ReportUsageResponse]:
        return await asyncio.gather(*(world.report(number % 2, airline, feature="gates") for number in range(count)))

    answers = await race(600)
    written = [answer for answer in answers if answer.written]
    # Each success saw a usage of its own, one after the other up to the limit.
    assert sorted(int(answer.usage) for answer in written) == list(range(1, 201))
    assert {answer.usage for answer in answers if not answer.written} == {"200"}
    token = await world.commit(airline, 230)
    assert (await world.report(0, airline, feature="gates", tokens=[token])).written
    # The other side may not have heard of the raise: metering tells it.
    assert sum(answer.written for answer in await race(120)) == 29
    assert (await world.usages(airline))["gates"] == "230"


async def test_ups_and_downs_stay_within_the_limit_and_add_up(world: World) -> None:
    airline = await world.known_airline(gates=30)
    balance = 0

    async def live(chance: random.Random) -> None:
        nonlocal balance
        held = 0
        for _ in range(40):
            side, change = chance.choice(SIDES), -1 if held and chance.random() < 0.5 else chance.randrange(1, 4)
            answer = await world.report(side, airline, change, feature="gates")
            assert 0 <= int(answer.usage) <= 30
            if answer.written:
                held += change
                balance += change

    await asyncio.gather(*(live(random.Random(number)) for number in range(24)))
    for side in SIDES:
        assert (await world.usages(airline, side=side))["gates"] == str(balance)


async def test_a_stream_in_any_order_with_duplicates_through_both_is_counted_once(world: World) -> None:
    chance = random.Random(8)
    airlines = [await world.known_airline() for _ in range(3)]
    events = [
        departure(chance.choice(airlines), miles=chance.randrange(1, 3_000), tail=f"N{chance.randrange(400)}")
        for _ in range(6_000)
    ]
    # Every event goes to either side, in another order and in other batches; one in three a third time.
    streams = [[*events, *events[:: 3 * (side + 1)]] for side in SIDES]
    waiting = []
    for side, stream in enumerate(streams):
        chance.shuffle(stream)
        waiting += [(side, stream[start : start + 150]) for start in range(0, len(stream), 150)]
    chance.shuffle(waiting)
    batches = iter(waiting)
    new: list[int] = []
    reported: Counter[str] = Counter()

    async def send() -> None:
        for side, batch in batches:
            answer = await world.send(side, batch)
            assert answer.new_count + answer.duplicate_count == len(batch)
            new.append(answer.new_count)

    async def report(airline: Airline, side: int) -> None:
        while len(new) < len(waiting):
            answer = await world.report(side, airline, 2)
            reported[airline.id] += 2 * answer.written

    senders = asyncio.gather(*(send() for _ in range(6)))
    await asyncio.gather(senders, *(report(airline, side) for airline in airlines for side in SIDES))
    assert sum(new) == len(events)
    for airline in airlines:
        for side in SIDES:
            assert await world.usages(airline, side=side) == counted(events, airline) | {
                "gates": "0",
                "calls": str(reported[airline.id]),
            }
