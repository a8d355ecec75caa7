"""Features taken from single customers, and features in shadow mode, over the wire."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from kit.client import call
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from tests.integration.entitlements.conftest import Replica
from tests.integration.entitlements.giving import Giving
from tests.integration.entitlements.world import START, World, reason
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.entitlements.v1 import decision_pb2, entitlements_service_pb2


@pytest.fixture
async def giving(world: World, replica: Replica) -> AsyncIterator[Giving]:
    """Another replica than the one that the world checks through."""
    async with replica() as channel:
        yield Giving.through(channel)


async def test_a_revoked_feature_is_refused_whatever_grants_it_until_it_is_restored(
    world: World, giving: Giving
) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    assert await world.why("united", "gates", tokens=[token]) == "WITHIN_LIMIT"
    revoked = await giving.revoke("united", "gates", reason="Unpaid.")
    decision = await world.check("united", "gates", tokens=[revoked.token])
    assert (decision.granted, reason(decision)) == (False, "REVOKED")
    assert decision.explanation == "gates was revoked for customer united."
    answer = await world.report("united", "gates", "1", enforce=True)
    assert (answer.written, reason(answer.decision)) == (False, "REVOKED")
    # Recording is never refused, and the next check after the return sees it.
    assert (await world.report("united", "gates", "2")).written
    await giving.give("united", "gates", limit="100")
    assert await world.why("united", "gates", current=True) == "REVOKED"
    assert await world.why("united", "night-flights") == "INCLUDED"
    assert await giving.revoked("united") == ["gates"]
    token = await giving.restore("united", "gates")
    decision = await world.check("united", "gates", tokens=[token])
    assert (decision.granted, decision.usage, decision.limit) == (True, "2", "100")
    assert await giving.revoked("united") == []


async def test_revoking_twice_and_restoring_what_was_never_revoked_change_nothing(world: World, giving: Giving) -> None:
    await world.customer("united")
    first = await giving.revoke("united", "gates", reason="Unpaid.")
    assert await giving.revoke("united", "gates", reason="Other.") == first
    token = await giving.restore("united", "calls")
    assert await world.why("united", "gates", tokens=[token, first.token]) == "NO_ACTIVE_SUBSCRIPTION"
    await world.subscribe("united", "soft")

    async def is_not_included() -> bool:
        # Not granted at all comes before revoked.
        return await world.why("united", "calls") == "FEATURE_NOT_INCLUDED"

    await world.eventually(is_not_included)
    assert await world.why("united", "gates") == "REVOKED"


async def test_a_feature_in_shadow_mode_is_never_refused_and_what_it_was_spared_is_counted(
    world: World, giving: Giving
) -> None:
    metered = feature_pb2.MeteredFeature(
        usage_behavior=feature_pb2.USAGE_BEHAVIOR_INCREMENTAL, usage_source=feature_pb2.USAGE_SOURCE_CALCULATED
    )
    gates = world.feature("gates", metered=metered, shadow_mode=True)
    await world.announce_feature(gates)

    async def is_in_shadow() -> bool:
        return (await world.check("stranger", "gates")).shadowed

    await world.eventually(is_in_shadow)
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "1"})
    decision = await world.check("united", "gates", requested="3", tokens=[token])
    assert (decision.granted, decision.shadowed, reason(decision)) == (True, True, "LIMIT_EXCEEDED")
    assert decision.explanation == "0 of 1 unit are used; 3 more would pass the limit of 1 by 2."
    assert not (await world.check("united", "gates")).shadowed
    answer = await world.report("united", "gates", "5", enforce=True)
    assert (answer.written, answer.usage, answer.decision.shadowed) == (True, "5", True)
    for _ in range(3):
        decision = await world.check("united", "gates")
        assert (decision.granted, decision.shadowed) == (True, True)
    gates.shadow_mode = False
    gates.revision = next(world.revisions)
    await world.announce_feature(gates)

    # One check of three, one report, three bare checks, and those until the event arrives.
    spared = 5

    async def bites() -> bool:
        nonlocal spared
        shadowed = (await world.check("united", "gates")).shadowed
        spared += shadowed
        return not shadowed

    await world.eventually(bites)
    counted: dict[str, int] = {}

    async def is_stored() -> bool:
        page = await giving.shadow_refusals(
            feature_id="gates", start_time=timestamp_to_proto(START - timedelta(days=1))
        )
        counted.update(
            {
                decision_pb2.DecisionReason.Name(each.reason).removeprefix("DECISION_REASON_"): each.count
                for each in page.refusals
            }
        )
        return counted.get("LIMIT_EXCEEDED", 0) >= spared

    await world.eventually(is_stored)
    assert counted == {"CUSTOMER_UNKNOWN": 1, "LIMIT_EXCEEDED": spared}


async def test_a_replica_that_ends_leaves_its_counts_behind(world: World, replica: Replica) -> None:
    nights = world.feature("night-flights", boolean=feature_pb2.BooleanFeature(), shadow_mode=True)
    await world.announce_feature(nights)
    request = entitlements_service_pb2.CheckEntitlementRequest(customer_id="stranger", feature_id="night-flights")

    async def is_in_shadow() -> bool:
        return (await world.check("nobody", "night-flights")).shadowed

    await world.eventually(is_in_shadow)
    async with replica() as channel:
        for _ in range(7):
            response = await call(Giving.through(channel).entitlements.CheckEntitlement, request)
            assert response.decision.shadowed
    page = entitlements_service_pb2.ListShadowRefusalsRequest(
        feature_id="night-flights", start_time=timestamp_to_proto(START - timedelta(days=1))
    )
    (counted,) = (await call(world.api.ListShadowRefusals, page)).refusals
    assert counted.count >= 7
    # The days are those of real time, in UTC; the last one is in the range, the day after is not.
    assert counted.day.ToDatetime().date() == START.date()
    page.end_time.CopyFrom(counted.day)
    assert not (await call(world.api.ListShadowRefusals, page)).refusals
    page.end_time.CopyFrom(timestamp_to_proto(START - timedelta(days=2)))
    with pytest.raises(RemoteRefusal) as refused:
        await call(world.api.ListShadowRefusals, page)
    assert [violation.path for violation in refused.value.violations] == ["end_time"]
