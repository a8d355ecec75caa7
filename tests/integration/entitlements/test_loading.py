"""What is loaded when, from whom, and how often; what is said while an owner is away; and what is never said in ignorance."""

import asyncio

import pytest

from kernel.errors import TollkeeperError
from kit.errors import RemoteRefusal
from tests.integration.entitlements.conftest import Replica
from tests.integration.entitlements.world import START, World
from tollkeeper.billing.v1 import billing_events_pb2
from tollkeeper.catalog.v1.feature_pb2 import USAGE_SOURCE_CALCULATED
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub


async def test_many_first_checks_of_one_customer_load_it_once(world: World) -> None:
    await world.customer("united", announced=False)
    await world.subscribe("united", "carrier", announced=False)
    reasons = await asyncio.gather(*(world.why("united", "gates") for _ in range(30)))
    assert set(reasons) == {"WITHIN_LIMIT"}
    assert world.billing.gate.calls["GetCustomer"] == 1
    assert world.metering.gate.calls["BatchGetWindows"] == 1
    assert world.catalog.gate.calls["GetPlanVersion"] == 1


async def test_a_plan_version_is_fetched_once_for_all_its_subscribers(world: World) -> None:
    for number in range(5):
        await world.customer(f"c{number}", announced=False)
        await world.subscribe(f"c{number}", "carrier", announced=False)
        assert await world.why(f"c{number}", "gates") == "WITHIN_LIMIT"
    assert world.catalog.gate.calls["GetPlanVersion"] == 1


async def test_trackers_are_registered_with_the_subscription_and_never_by_a_check(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier")
    await world.check("united", "gates", tokens=[token])
    assert len(world.metering.trackers) == 4
    registered = world.metering.gate.calls["RegisterTrackers"]
    await world.check("united", "calls", current=True)
    token = await world.commit("sub-united", {"gates": "4"})
    await world.check("united", "gates", tokens=[token])
    assert world.metering.gate.calls["RegisterTrackers"] == registered


async def test_trackers_that_metering_lost_are_registered_again(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier")
    assert await world.why("united", "calls", tokens=[token]) == "WITHIN_LIMIT"
    world.metering.trackers.clear()
    assert (await world.report("united", "calls", "2", enforce=True)).usage == "2"
    world.metering.trackers.clear()
    assert (await world.check("united", "calls", current=True)).usage == "2"


async def test_an_unknown_customer_is_known_when_its_event_arrives(world: World) -> None:
    for _ in range(3):
        assert await world.why("united", "gates") == "CUSTOMER_UNKNOWN"
    assert world.billing.gate.calls["GetCustomer"] == 1
    await world.customer("united")
    await world.subscribe("united", "carrier")

    async def is_known() -> bool:
        return await world.why("united", "gates") == "WITHIN_LIMIT"

    await world.eventually(is_known)


async def test_a_feature_is_known_when_its_event_arrives_and_its_words_change(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    assert await world.why("united", "late", tokens=[token]) == "FEATURE_UNKNOWN"
    world.metered("late", "thing", source=USAGE_SOURCE_CALCULATED)
    await world.announce_feature(world.catalog.features["late"])

    async def is_known() -> bool:
        return await world.why("united", "late") == "FEATURE_NOT_INCLUDED"

    await world.eventually(is_known)
    world.metered("gates", "door", source=USAGE_SOURCE_CALCULATED)
    await world.announce_feature(world.catalog.features["gates"])

    async def says_doors() -> bool:
        return (await world.check("united", "gates", requested="0")).explanation == "0 of 3 doors are used."

    await world.eventually(says_doors)


async def test_an_owner_away_is_unavailable_and_nothing_wrong_is_remembered(world: World) -> None:
    await world.customer("united", announced=False)
    await world.subscribe("united", "carrier", announced=False)
    for gate in (world.billing.gate, world.catalog.gate, world.metering.gate):
        gate.away = True
        with pytest.raises(TollkeeperError) as refused:
            await world.check("united", "gates")
        assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"
        gate.away = False
    assert await world.why("united", "gates") == "WITHIN_LIMIT"
    world.catalog.gate.away = True
    with pytest.raises(TollkeeperError):
        await world.check("united", "never-heard-of")


async def test_a_customer_first_heard_of_by_a_later_event_is_asked_for_whole(world: World) -> None:
    # Born, and subscribed, before the stream begins.
    await world.customer("united", announced=False)
    await world.subscribe("united", "carrier", announced=False)
    event = billing_events_pb2.CustomerUpdated(customer=world.billing.customers["united"])
    await world.publish("billing", "customer.updated.united", event)
    await world.customer("marker")
    await world.subscribe("marker", "carrier")
    assert await world.why("marker", "gates", current=True) == "WITHIN_LIMIT"
    assert await world.why("united", "gates") == "WITHIN_LIMIT"


async def test_a_subscription_that_is_not_understood_is_never_taken_for_none(world: World) -> None:
    token = await world.customer("united")
    assert await world.why("united", "gates", tokens=[token]) == "NO_ACTIVE_SUBSCRIPTION"
    await world.subscribe("united", "carrier", time_zone="Mars/Olympus")

    async def is_doubted() -> bool:
        try:
            await world.check("united", "gates", current=True)
        except RemoteRefusal as refusal:
            return refusal.reason == "INTERNAL"
        return False

    await world.eventually(is_doubted)


async def test_of_more_customers_than_are_held_each_is_answered(world: World) -> None:
    for number in range(60):
        await world.customer(f"c{number}", announced=False)
        await world.subscribe(f"c{number}", "carrier", announced=False)
        world.metering.add(f"c{number}", "gates", str(number), at=START)
    for _ in range(2):
        usages = await asyncio.gather(*(world.check(f"c{number}", "gates") for number in range(60)))
        assert [decision.usage for decision in usages] == [str(number) for number in range(60)]


async def test_a_replica_serves_only_after_it_has_caught_up(replica: Replica, world: World) -> None:
    # Another replica of another installation: the same stream, but the catalog is away.
    world.catalog.gate.away = True
    await world.customer("united")
    await world.subscribe("united", "carrier")
    starting = replica()
    entering = asyncio.ensure_future(starting.__aenter__())
    done, _ = await asyncio.wait([entering], timeout=1)
    assert not done
    world.catalog.gate.away = False
    channel = await asyncio.wait_for(entering, 20)
    world.api = EntitlementsServiceStub(channel)
    assert await world.why("united", "gates") == "WITHIN_LIMIT"
    await starting.__aexit__(None, None, None)
