"""A watch may go on at any replica: a state has one version everywhere, and what changed meanwhile is told first."""

import asyncio

import grpc

from tests.faults.replicas.world import SIDES, Airline, World, until
from tests.integration.entitlements.watching import Watching, holding, watching
from tollkeeper.entitlements.v1.watched_entitlement_pb2 import CustomerEntitlements


async def seen(world: World, airline: Airline, usage: str) -> None:
    """Returns when either side knows this usage of gates."""

    async def is_seen() -> bool:
        answers = [(await world.check(side, airline, "gates")).usage for side in SIDES]
        return answers == [usage, usage]

    await until(is_seen, within=30)


async def state(world: World, side: int, airline: Airline) -> CustomerEntitlements:
    """As a new watch is told it."""
    async with watching(world.sides[side].entitlements) as watch:
        return await (await watch.add(airline.id)).state()


async def gates(watch: Watching, usage: str) -> str:
    """The version of the state with this usage; whatever comes before it is older."""
    while True:
        update = await watch.update()
        kind = update.WhichOneof("update")
        assert kind in {"customer", "changes"}, update
        told = update.customer if kind == "customer" else update.changes
        if "gates" in {each.feature_id for each in told.entitlements}:
            known = holding(told.entitlements, "gates").usage
            assert int(known) <= int(usage)
            if known == usage:
                return told.version


async def test_a_state_has_one_version_everywhere(world: World) -> None:
    airline = await world.known_airline(gates=9)
    for number in range(1, 4):
        await world.report(number % 2, airline, feature="gates")
        await seen(world, airline, str(number))
        one, other = [await state(world, side, airline) for side in SIDES]
        assert (one.version, list(one.entitlements)) == (other.version, list(other.entitlements))
        assert holding(one.entitlements, "gates").usage == str(number)
        for side in SIDES:
            async with watching(world.sides[side].entitlements) as watch:
                confirmed = await (await watch.add(airline.id, known=one.version)).changes()
            assert (confirmed.version, list(confirmed.entitlements)) == (one.version, [])


async def test_a_watch_goes_on_at_the_other_replica(world: World) -> None:
    airline = await world.known_airline(gates=9)
    async with watching(world.sides[0].entitlements) as watch:
        await watch.add(airline.id)
        await gates(watch, "0")
        await world.report(1, airline, 2, feature="gates")
        version = await gates(watch, "2")
        await asyncio.to_thread(world.platform.kill, "entitlements")
        ended = await watch.refusal()
        assert ended.code() is grpc.StatusCode.UNAVAILABLE
    try:
        # Nobody tells this to the watch that is gone.
        await world.report(1, airline, 3, feature="gates")
        async with watching(world.sides[1].entitlements) as watch:
            await watch.add(airline.id, known=version)
            assert await gates(watch, "5") != version
            await world.report(1, airline, 1, feature="gates")
            await gates(watch, "6")
    finally:
        await asyncio.to_thread(world.platform.wait_healthy)
    assert (await state(world, 0, airline)).version == (await state(world, 1, airline)).version
