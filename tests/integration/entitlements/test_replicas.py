"""Two replicas on one database: what either hears both know, and no answer of one is older than a write through the other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.integration.entitlements.conftest import Replica
from tests.integration.entitlements.world import World
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub


@pytest.fixture
async def pair(world: World, replica: Replica) -> AsyncIterator[tuple[World, World]]:
    """The world through one replica, and through another."""
    async with replica() as channel:
        other = World(
            world.broker,
            world.catalog,
            world.billing,
            world.metering,
            world.clock,
            EntitlementsServiceStub(channel),
            world.revisions,
            keys=world.keys,
        )
        yield world, other


async def test_an_event_that_one_replica_handles_reaches_both(pair: tuple[World, World]) -> None:
    one, other = pair
    await one.customer("united")
    token = await one.subscribe("united", "carrier", commitments={"gates": "1"})
    for side in pair:
        assert (await side.check("united", "gates", tokens=[token])).limit == "1"
    for gates in ("2", "3", "4"):
        await one.commit("sub-united", {"gates": gates})
        for side in pair:

            async def knows(side: World = side, gates: str = gates) -> bool:
                return (await side.check("united", "gates")).limit == gates

            await side.eventually(knows)
    await one.test_clock("clock", one.clock.time)
    assert await other.why("stranger", "gates") == "CUSTOMER_UNKNOWN"


async def test_a_write_through_one_replica_is_in_the_tokened_answer_of_the_other(pair: tuple[World, World]) -> None:
    one, other = pair
    await one.customer("united")
    token = await one.subscribe("united", "carrier", commitments={"gates": "100"})
    for side in pair:
        await side.check("united", "gates", tokens=[token])
    for number in range(1, 41):
        writer, reader = (one, other) if number % 2 else (other, one)
        answer = await writer.report("united", "gates", "1", enforce=True)
        assert (await reader.check("united", "gates", tokens=[answer.token])).usage == str(number)


async def test_racing_callers_through_both_never_pass_a_limit_that_is_raised_meanwhile(
    pair: tuple[World, World],
) -> None:
    one, _ = pair
    await one.customer("united")
    token = await one.subscribe("united", "carrier", commitments={"gates": "10"})
    for side in pair:
        await side.check("united", "gates", tokens=[token])

    async def race(count: int) -> int:
        answers = await asyncio.gather(
            *(pair[number % 2].report("united", "gates", "1", enforce=True) for number in range(count))
        )
        return sum(answer.written for answer in answers)

    assert await race(64) == 10
    # One replica learns of the raise by a token; the other has not heard of it and is told by metering that it is behind.
    raised = await one.commit("sub-united", {"gates": "15"}, announced=False)
    assert (await one.report("united", "gates", "1", enforce=True, tokens=[raised])).written
    assert await race(64) == 4
    assert (await one.check("united", "gates", current=True)).usage == "15"
