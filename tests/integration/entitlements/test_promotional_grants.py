"""Promotional grants over the wire: through one replica given, on another one seen."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import nats.js.api
import pytest

from kit.errors import refusal_of
from tests.integration.entitlements.conftest import Replica
from tests.integration.entitlements.giving import Giving
from tests.integration.entitlements.world import START, World
from tollkeeper.entitlements.v1 import entitlements_events_pb2 as events
from tollkeeper.entitlements.v1 import promotional_grant_pb2 as pb
from tollkeeper.entitlements.v1 import promotional_grant_service_pb2 as service_pb

MONTHLY = pb.GrantReset(interval=pb.GRANT_RESET_INTERVAL_MONTH)


@pytest.fixture
async def giving(world: World, replica: Replica) -> AsyncIterator[Giving]:
    """Another replica than the one that the world checks through."""
    async with replica() as channel:
        yield Giving.through(channel)


async def test_a_grant_gives_access_without_any_subscription_under_its_token_on_any_replica(
    world: World, giving: Giving
) -> None:
    await world.customer("united")
    await world.eventually(lambda: _is(world, "NO_ACTIVE_SUBSCRIPTION"))
    given = await giving.give("united", "gates", limit="2", id="gift", reason="A welcome.")
    assert given.promotional_grant.revision > 0
    assert (await world.check("united", "gates", tokens=[given.token])).limit == "2"
    assert [each.feature_id for each in await world.list_all("united")] == ["gates"]
    decision = await world.check("united", "gates")
    assert decision.source.promotional_grant_id == "gift"
    assert not decision.source.subscription_id
    assert await world.why("united", "calls") == "FEATURE_NOT_INCLUDED"
    # What was used before counts, and the limit is hard on every replica.
    assert (await world.report("united", "gates", "2", enforce=True)).written
    refused = await world.report("united", "gates", "1", enforce=True)
    assert (refused.written, refused.decision.source.promotional_grant_id) == (False, "gift")
    token = (await giving.end("united", "gift")).token
    assert await world.why("united", "gates", tokens=[token]) == "NO_ACTIVE_SUBSCRIPTION"
    assert not (await world.report("united", "gates", "-1", enforce=True, tokens=[token])).written


async def _is(world: World, reason: str, feature_id: str = "gates") -> bool:
    return await world.why("united", feature_id) == reason


async def test_the_most_generous_of_subscription_and_grants_decides(world: World, giving: Giving) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    small = await giving.give("united", "gates", limit="1")
    decision = await world.check("united", "gates", tokens=[token, small.token])
    assert (decision.limit, decision.source.plan_id) == ("3", "carrier")
    large = await giving.give("united", "gates", limit="5")
    decision = await world.check("united", "gates", tokens=[large.token])
    assert (decision.limit, decision.source.promotional_grant_id) == ("5", large.promotional_grant.id)
    endless = await giving.give("united", "gates", metered=pb.GrantedUsage(unlimited=True))
    assert (await world.check("united", "gates", tokens=[endless.token])).unlimited
    values = await giving.give("united", "airports", enum=pb.GrantedValues(values=["SWF"]))
    assert list((await world.check("united", "airports", tokens=[values.token])).values) == ["EWR", "JFK", "SWF"]
    number = await giving.give("united", "history", numeric="30")
    assert (await world.check("united", "history", tokens=[number.token])).numeric_value == "30"


async def test_usage_counts_in_the_grants_own_periods_and_starts_again_by_itself(world: World, giving: Giving) -> None:
    await world.customer("united")
    metered = pb.GrantedUsage(limit="5", reset=MONTHLY)
    token = (await giving.give("united", "calls", metered=metered)).token
    assert (await world.report("united", "calls", "5", enforce=True, tokens=[token])).written
    assert await world.why("united", "calls") == "LIMIT_EXCEEDED"
    world.clock.time = START + timedelta(days=31)
    decision = await world.check("united", "calls")
    assert (decision.granted, decision.usage) == (True, "0")


async def test_a_grant_begins_and_expires_by_the_customers_clock_without_any_message(
    world: World, giving: Giving
) -> None:
    await world.test_clock("clock", START)
    await world.customer("united", clock_id="clock")
    begins, ends = START + timedelta(days=1), START + timedelta(days=2)
    token = (await giving.give("united", "gates", limit="2", start=begins, expire=ends)).token
    assert await world.why("united", "gates", tokens=[token]) == "NO_ACTIVE_SUBSCRIPTION"
    for time, reason in (
        (begins - timedelta(microseconds=1), "NO_ACTIVE_SUBSCRIPTION"),
        (begins, "WITHIN_LIMIT"),
        (ends - timedelta(microseconds=1), "WITHIN_LIMIT"),
        (ends, "NO_ACTIVE_SUBSCRIPTION"),
    ):
        moved = await world.test_clock("clock", time)
        assert await world.why("united", "gates", tokens=[moved]) == reason
    # Without a start it begins in the customer's present, not in real time.
    given = await giving.give("united", "gates", limit="2")
    assert given.promotional_grant.start_time.ToDatetime() == ends.replace(tzinfo=None)
    assert await giving.refusal("united", "calls", limit="1", expire=ends) == (
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ["promotional_grant.expire_time"],
    )


async def test_every_mistake_of_a_grant_is_named_and_nothing_is_given(world: World, giving: Giving) -> None:
    await world.customer("united")
    metered = pb.GrantedUsage(limit="-1", reset=pb.GrantReset(time_zone="Mars/Base"), soft_limit=True)
    refused = await giving.refusal(
        "not an id", "gates", metered=metered, id="/", start=START, expire=START, reason="x" * 501, request_id="y" * 257
    )
    assert refused[:2] == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert sorted(refused[2]) == [
        "promotional_grant.customer_id",
        "promotional_grant.expire_time",
        "promotional_grant.id",
        "promotional_grant.metered.limit",
        "promotional_grant.metered.reset.interval",
        "promotional_grant.metered.reset.time_zone",
        "promotional_grant.reason",
        "request_id",
    ]
    assert (await giving.refusal("united", "gates"))[2] == ["promotional_grant"]
    assert (await giving.refusal("united", "night-flights", boolean=False))[2] == ["promotional_grant.boolean"]
    twice = pb.GrantedValues(values=["JFK", "JFK", " "])
    assert (await giving.refusal("united", "airports", enum=twice))[2] == [
        "promotional_grant.enum.values[1]",
        "promotional_grant.enum.values[2]",
    ]
    assert not (await giving.page("united")).promotional_grants


async def test_a_grant_fits_its_feature_and_its_customer_exists(world: World, giving: Giving) -> None:
    await world.customer("united", announced=False)
    assert (await giving.refusal("stranger", "gates", limit="1"))[:2] == ("NOT_FOUND", "CUSTOMER_NOT_FOUND")
    assert (await giving.refusal("united", "nothing", limit="1"))[:2] == ("NOT_FOUND", "FEATURE_NOT_FOUND")
    mismatch = ("FAILED_PRECONDITION", "GRANT_MISMATCH")
    assert (await giving.refusal("united", "night-flights", limit="1"))[:2] == mismatch
    assert (await giving.refusal("united", "gates", numeric="1"))[:2] == mismatch
    assert (await giving.refusal("united", "history", boolean=True))[:2] == mismatch
    assert (await giving.refusal("united", "airports", enum=pb.GrantedValues(values=["JFK", "LHR"])))[:2] == mismatch
    # A value that was added a moment ago is asked for before it is refused.
    feature = world.catalog.features["airports"]
    feature.enum.values.append("LHR")
    feature.revision = next(world.revisions)
    given = await giving.give("united", "airports", enum=pb.GrantedValues(values=["JFK", "LHR"]))
    assert list((await world.check("united", "airports", tokens=[given.token])).values) == ["JFK", "LHR"]


async def test_a_request_is_done_once_and_ids_are_taken_once(world: World, giving: Giving) -> None:
    await world.customer("united")
    answers = await asyncio.gather(*(giving.give("united", "gates", limit="1", request_id="r") for _ in range(5)))
    assert len({answer.promotional_grant.id for answer in answers}) == 1
    reused = ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert (await giving.refusal("united", "gates", limit="2", request_id="r"))[:2] == reused
    first = await giving.give("united", "gates", limit="7", id="seven")
    again = await giving.give("united", "gates", limit="7", id="seven")
    assert again.promotional_grant == first.promotional_grant
    assert (await giving.refusal("united", "gates", limit="8", id="seven"))[:2] == ("ALREADY_EXISTS", "ID_TAKEN")
    # Another customer's is another one.
    await world.customer("delta")
    assert (await giving.give("delta", "gates", limit="8", id="seven")).promotional_grant.customer_id == "delta"
    ended = await giving.end("united", "seven")
    assert (await giving.end("united", "seven")).promotional_grant == ended.promotional_grant
    repeated = await giving.give("united", "gates", limit="7", id="seven")
    assert repeated.promotional_grant == ended.promotional_grant


async def test_grants_are_listed_in_pages_and_at_most_a_hundred_live(world: World, giving: Giving) -> None:
    await world.customer("united")
    for number in range(100):
        await giving.give("united", "gates", limit="1", id=f"g{number:03}")
    grant = pb.PromotionalGrant(customer_id="united", feature_id="gates", boolean=True)
    grant.metered.limit = "1"
    request = service_pb.CreatePromotionalGrantRequest(promotional_grant=grant)
    with pytest.raises(grpc.aio.AioRpcError) as one_too_many:
        await giving.grants.CreatePromotionalGrant(request, timeout=10)
    assert one_too_many.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refusal_of(one_too_many.value).reason == "TOO_MANY_GRANTS"
    await giving.end("united", "g007")
    await giving.give("united", "gates", limit="1", id="one-more")
    first = await giving.page("united", page_size=60)
    rest = await giving.page("united", page_size=60, page_token=first.next_page_token)
    ids = [grant.id for grant in (*first.promotional_grants, *rest.promotional_grants)]
    assert ids == sorted({f"g{number:03}" for number in range(100)} - {"g007"} | {"one-more"})
    assert not rest.next_page_token
    assert len((await giving.page("united", show_revoked=True, page_size=1_000)).promotional_grants) == 101


async def test_every_change_is_announced_with_its_whole_state(world: World, giving: Giving) -> None:
    await world.customer("united")
    given = await giving.give("united", "gates", limit="2", id="gift")
    ended = await giving.end("united", "gift")
    revoked = await giving.revoke("united", "gates", reason="Fraud.")
    await giving.restore("united", "gates")
    config = nats.js.api.ConsumerConfig(deliver_policy=nats.js.api.DeliverPolicy.ALL)
    subscription = await world.broker.jetstream.subscribe(
        "tollkeeper.entitlements.*.*.united", stream="tollkeeper_entitlements", config=config
    )
    messages = [await subscription.next_msg(timeout=10) for _ in range(4)]
    assert [message.subject.split(".")[2:4] for message in messages] == [
        ["promotional_grant", "created"],
        ["promotional_grant", "revoked"],
        ["entitlement", "revoked"],
        ["entitlement", "restored"],
    ]
    created = events.PromotionalGrantCreated.FromString(messages[0].data)
    assert created.promotional_grant == given.promotional_grant
    assert events.PromotionalGrantRevoked.FromString(messages[1].data).promotional_grant == ended.promotional_grant
    taken = events.EntitlementRevoked.FromString(messages[2].data)
    assert taken.revocation == revoked.revocation
    assert (
        events.EntitlementRestored.FromString(messages[3].data).revision
        > taken.revision
        > created.promotional_grant.revision
    )
