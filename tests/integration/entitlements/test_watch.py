"""Watches: the state of each customer, then the newest state of whatever changes."""

from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
import pytest

from kit.client import open_channel
from kit.errors import refusal_of
from tests.integration.entitlements.conftest import Replica, ReplicaAt
from tests.integration.entitlements.giving import Giving
from tests.integration.entitlements.watching import entitlement, holding, watching
from tests.integration.entitlements.world import START, World
from tollkeeper.entitlements.v1 import decision_pb2 as pb
from tollkeeper.entitlements.v1.entitlements_service_pb2 import WatchedCustomer, WatchEntitlementsRequest
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


async def test_the_time_of_a_test_clock_is_told_when_it_moves(world: World) -> None:
    await world.test_clock("clock", START, announced=False)
    await world.customer("ua", clock_id="clock", announced=False)
    await world.subscribe("ua", "carrier", announced=False)
    async with watching(world.api) as watch:
        await watch.add("ua")
        state = await watch.state()
        assert state.test_clock
        # Real time moves none of its boundaries.
        world.clock.pass_by(timedelta(days=400))
        await watch.quiet()
        await world.test_clock("clock", START + timedelta(days=31))
        passed = await watch.changes()
        assert [each.feature_id for each in passed.entitlements] == ["calls", "departures", "miles"]
        assert passed.time.ToDatetime(START.tzinfo) == START + timedelta(days=31)


async def test_what_ends_by_itself_is_told_when_it_does(world: World) -> None:
    await _carrier(world)
    async with watching(world.api) as watch:
        await watch.add("ua")
        await watch.state()
        await world.cancel("sub-ua", at=START + timedelta(days=3))
        scheduled = await watch.changes()
        assert len(scheduled.entitlements) == 6
        ends = {holding(scheduled.entitlements, "gates").end_time.ToDatetime(START.tzinfo)}
        assert ends == {START + timedelta(days=3)}
        world.clock.pass_by(timedelta(days=3))
        assert (await watch.changes()).absent_reason == pb.DECISION_REASON_NO_ACTIVE_SUBSCRIPTION


async def test_grants_and_revocations_are_told(world: World, replica: Replica) -> None:
    await _carrier(world)
    async with replica() as channel, watching(world.api) as watch:
        giving = Giving.through(channel)
        await watch.add("ua")
        await watch.state()
        await giving.give("ua", "lounges", limit="2", expire=START + timedelta(days=2))
        granted = await watch.changes()
        assert [each.feature_id for each in granted.entitlements] == ["lounges"]
        assert holding(granted.entitlements, "lounges").source.promotional_grant_id
        await giving.revoke("ua", "gates")
        taken = await watch.changes()
        assert [(each.feature_id, each.revoked) for each in taken.entitlements] == [("gates", True)]
        world.clock.pass_by(timedelta(days=2))
        expired = await watch.changes()
        assert list(expired.removed_feature_ids) == ["lounges"]


async def test_features_in_shadow_mode_are_told_to_those_who_do_not_have_them(world: World) -> None:
    await _carrier(world)
    async with watching(world.api) as watch:
        await watch.add("ua", "nobody")
        names = {(await watch.state()).customer_id, (await watch.state()).customer_id}
        assert names == {"ua", "nobody"}
        lounges = world.catalog.features["lounges"]
        lounges.shadow_mode, lounges.revision = True, next(world.revisions)
        await world.announce_feature(lounges)
        told = [await watch.changes(), await watch.changes()]
        assert {change.customer_id for change in told} == names
        for change in told:
            (added,) = change.entitlements
            assert (added.feature_id, added.shadow_mode, list(added.holdings)) == ("lounges", True, [])
        assert (await world.check("nobody", "lounges")).shadowed
        lounges.shadow_mode, lounges.revision = False, next(world.revisions)
        await world.announce_feature(lounges)
        assert list((await watch.changes()).removed_feature_ids) == ["lounges"]


async def test_a_customer_is_told_of_no_more_once_it_is_removed(world: World) -> None:
    await _carrier(world)
    await _carrier(world, "aa")
    async with watching(world.api) as watch:
        await watch.add("ua", "aa")
        assert {(await watch.state()).customer_id, (await watch.state()).customer_id} == {"ua", "aa"}
        await watch.remove("ua")
        await watch.heartbeat()
        await world.report("ua", "gates", "1")
        await world.report("aa", "gates", "1")
        assert (await watch.changes()).customer_id == "aa"
        await watch.quiet()
        await watch.add("ua")
        assert holding((await watch.state()).entitlements, "gates").usage == "1"


async def test_an_id_that_nobody_has_is_told_when_somebody_gets_it(world: World) -> None:
    async with watching(world.api) as watch:
        await watch.add("new")
        state = await watch.state()
        assert state.absent_reason == pb.DECISION_REASON_CUSTOMER_UNKNOWN
        assert not state.entitlements
        await world.customer("new")
        born = await watch.changes()
        assert born.absent_reason == pb.DECISION_REASON_NO_ACTIVE_SUBSCRIPTION


async def test_a_customer_that_cannot_be_loaded_is_told_to_be_so_and_tried_again(world: World) -> None:
    await _carrier(world)
    world.billing.gate.away = True
    async with watching(world.api) as watch:
        await watch.add("ua", "ua")
        failure = (await watch.update()).failure
        assert (failure.customer_id, failure.reason) == ("ua", "DEPENDENCY_UNAVAILABLE")
        world.billing.gate.away = False
        while (message := await watch.update()).WhichOneof("update") == "failure":
            pass
        assert len(message.customer.entitlements) == 6


async def test_heartbeats_say_how_fresh_everything_is(world: World) -> None:
    await _carrier(world)
    await world.frame()
    await world.frame()
    async with watching(world.api) as watch:
        await watch.add("ua")
        await watch.state()
        world.clock.pass_by(timedelta(seconds=20))
        await world.frame()
        await world.frame()

        async def is_fresh() -> bool:
            return (await watch.heartbeat()).as_of.ToDatetime(START.tzinfo) >= START + timedelta(seconds=20)

        await world.eventually(is_fresh)


async def test_a_customer_that_nobody_is_makes_nobody_older(world: World) -> None:
    await _carrier(world)
    await world.frame()
    await world.frame()
    async with watching(world.api) as watch:
        await watch.add("ua")
        await watch.add("nobody")
        assert {(await watch.state()).customer_id for _ in range(2)} == {"ua", "nobody"}
        world.clock.pass_by(timedelta(seconds=20))
        await world.frame()
        await world.frame()

        async def is_fresh() -> bool:
            return (await watch.heartbeat()).as_of.ToDatetime(START.tzinfo) >= START + timedelta(seconds=20)

        await world.eventually(is_fresh)


async def test_two_who_watch_one_customer_are_told_the_same(world: World) -> None:
    await _carrier(world)
    async with watching(world.api) as one, watching(world.api) as other:
        await one.add("ua")
        await other.add("ua")
        first, second = await one.state(), await other.state()
        assert first.version == second.version
        await world.report("ua", "gates", "1")
        assert (await one.changes()).version == (await other.changes()).version


async def test_a_slow_reader_is_told_the_newest_state_only(world: World) -> None:
    await _carrier(world)
    async with watching(world.api) as slow, watching(world.api) as quick:
        await slow.add("ua")
        await quick.add("ua")
        await quick.state()
        for count in range(1, 4):
            await world.report("ua", "gates", "1")
            while holding((await quick.changes()).entitlements, "gates").usage != str(count):
                pass
        await slow.state()
        news = [await slow.changes() for _ in range(3)]
        assert holding(news[-1].entitlements, "gates").usage == "3"


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (
            WatchEntitlementsRequest(
                add=[WatchedCustomer(customer_id="a b"), WatchedCustomer(customer_id="ua", known_version="x" * 129)],
                remove_customer_ids=["ua", ""],
            ),
            ["add[0].customer_id", "add[1].known_version", "remove_customer_ids[1]"],
        ),
        (
            WatchEntitlementsRequest(
                add=[WatchedCustomer(customer_id="ua")] * 1_001, remove_customer_ids=["ua"] * 1_001
            ),
            ["add", "remove_customer_ids"],
        ),
    ],
)
async def test_a_wrong_request_ends_the_stream(
    world: World, request_: WatchEntitlementsRequest, paths: list[str]
) -> None:
    async with watching(world.api) as watch:
        await watch.send(request_)
        refused = refusal_of(await watch.refusal())
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.path for violation in refused.violations] == paths


async def test_nine_of_ten_places_of_a_replica_may_be_watched(world: World) -> None:
    # This one has fifty.
    async with watching(world.api) as watch:
        await watch.add(*(f"customer-{number}" for number in range(46)))
        refused = refusal_of(await watch.refusal())
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")


async def test_watched_customers_are_held_whoever_else_is_asked_about(world: World) -> None:
    await _carrier(world)
    async with watching(world.api) as watch:
        await watch.add("ua")
        await watch.state()
        for number in range(60):
            await world.check(f"nobody-{number}", "gates")
        world.billing.gate.away = True
        world.metering.gate.away = True
        assert await world.why("ua", "gates") == "WITHIN_LIMIT"


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
