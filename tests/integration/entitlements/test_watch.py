"""Watches: the state of each customer, then the newest state of whatever changes."""

from contextlib import AsyncExitStack
from datetime import timedelta

import grpc

from kit.client import open_channel
from kit.errors import refusal_of
from tests.integration.entitlements.conftest import Replica, ReplicaAt
from tests.integration.entitlements.watching import entitlement, holding, watching
from tests.integration.entitlements.world import START, World
from tollkeeper.entitlements.v1 import decision_pb2 as pb
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub


async def _carrier(world: World, customer_id: str = "ua", **how: object) -> None:
    # Unannounced: whoever loads the customer asks billing, and sees all of it at once.
    await world.customer(customer_id, announced=False)
    await world.subscribe(customer_id, "carrier", commitments={"gates": "3"}, announced=False, **how)  # type: ignore[arg-type]  # as it takes them.


async def test_a_watch_begins_with_everything_that_decides(world: World) -> None:
    await _carrier(world)
    async with watching(world.api) as watch:
        await watch.add("ua")
        state = await watch.state()
    assert (state.customer_id, state.absent_reason) == ("ua", pb.DECISION_REASON_FEATURE_NOT_INCLUDED)
    assert len(state.version) == 32
    assert not state.test_clock
    assert state.time.ToDatetime(START.tzinfo) == START
    names = [each.feature_id for each in state.entitlements]
    assert names == ["airports", "calls", "departures", "gates", "miles", "night-flights"]
    gates = holding(state.entitlements, "gates")
    assert (gates.limit, gates.usage, gates.soft_limit) == ("3", "0", False)
    assert gates.source.subscription_id == "sub-ua"
    assert not gates.usage_period.HasField("end_time")
    assert holding(state.entitlements, "departures").unlimited
    assert holding(state.entitlements, "miles").soft_limit
    assert list(holding(state.entitlements, "airports").values) == ["JFK", "EWR"]
    assert entitlement(state.entitlements, "gates").unit_plural == "gates"


async def test_usage_and_a_change_of_the_subscription_are_told_and_nothing_else(world: World) -> None:
    await _carrier(world)
    async with watching(world.api) as watch:
        await watch.add("ua")
        first = await watch.state()
        await world.report("ua", "gates", "2")
        used = await watch.changes()
        assert [each.feature_id for each in used.entitlements] == ["gates"]
        assert holding(used.entitlements, "gates").usage == "2"
        assert used.version != first.version
        await world.commit("sub-ua", {"gates": "5"})
        committed = await watch.changes()
        assert [each.feature_id for each in committed.entitlements] == ["gates"]
        assert holding(committed.entitlements, "gates").limit == "5"
        await world.cancel("sub-ua", at=START, ended=True)
        ended = await watch.changes()
        assert ended.absent_reason == pb.DECISION_REASON_NO_ACTIVE_SUBSCRIPTION
        assert len(ended.removed_feature_ids) == 6
        await watch.quiet()


async def test_a_state_that_is_known_is_not_sent_again_by_any_replica(world: World, replica: Replica) -> None:
    await _carrier(world)
    await world.report("ua", "gates", "2")
    async with watching(world.api) as watch:
        await watch.add("ua")
        version = (await watch.state()).version
    async with replica() as channel, watching(EntitlementsServiceStub(channel)) as elsewhere:
        await elsewhere.add("ua", known=version)
        confirmed = await elsewhere.changes()
        assert confirmed.version == version
        assert not confirmed.entitlements
        assert not confirmed.removed_feature_ids
        await elsewhere.add("ua", known="another")
        assert (await elsewhere.state()).version == version


async def test_a_usage_period_that_ends_is_told_when_it_does(world: World) -> None:
    await _carrier(world)
    await world.report("ua", "calls", "4")
    async with watching(world.api) as watch:
        await watch.add("ua")
        assert holding((await watch.state()).entitlements, "calls").usage == "4"
        world.clock.pass_by(timedelta(days=31))
        passed = await watch.changes()
        calls = holding(passed.entitlements, "calls")
        assert calls.usage == "0"
        assert calls.usage_period.start_time.ToDatetime(START.tzinfo) == START + timedelta(days=31)


async def test_a_stream_ends_when_the_service_stops(world: World, replica_at: ReplicaAt) -> None:
    await _carrier(world)
    async with AsyncExitStack() as stack:
        async with replica_at() as address:
            channel = await stack.enter_async_context(open_channel(address))
            watch = await stack.enter_async_context(watching(EntitlementsServiceStub(channel)))
            await watch.add("ua")
            await watch.state()
        refused = refusal_of(await watch.refusal())
    assert refused.code is grpc.StatusCode.UNAVAILABLE
    assert refused.message == "This replica is stopping. Open the stream again: another one answers."
