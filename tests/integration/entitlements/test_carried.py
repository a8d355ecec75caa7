"""A publish that carries entitlements to existing subscriptions: one row moves, and every replica resolves what it holds."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy.engine import make_url

from kernel.errors import TollkeeperError
from tests.integration.entitlements.conftest import DatabaseAway
from tests.integration.entitlements.plans import BILLED, MONTHLY, limited
from tests.integration.entitlements.statements import counted
from tests.integration.entitlements.test_replicas import pair
from tests.integration.entitlements.world import START, World
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.catalog.v1 import catalog_events_pb2, charge_pb2, entitlement_pb2, plan_pb2

__all__ = ["pair"]

MANY = 40


def stock_versions(world: World) -> None:
    """Two versions of a plan; the second has a higher limit, another feature, and no gates."""
    gates = charge_pb2.Charge(id="gates", feature_id="gates", billing_model=charge_pb2.BILLING_MODEL_PER_UNIT)
    first = plan_pb2.PlanContent(entitlements=[limited("calls", "10", reset=BILLED)], charges=[gates])
    nights = entitlement_pb2.Entitlement(feature_id="night-flights", boolean=entitlement_pb2.BooleanEntitlement())
    second = plan_pb2.PlanContent(entitlements=[limited("calls", "20", reset=BILLED), nights])
    world.plan("base", first)
    world.plan("base", second, version=2)


async def limit(world: World, customer_id: str = "united", feature_id: str = "calls") -> str:
    """What a check without any token sees."""
    return (await world.check(customer_id, feature_id)).limit


async def carried(world: World, expected: str = "20", customer_id: str = "united") -> None:
    """Waits until the customer's limit is this."""

    async def has_come() -> bool:
        return await limit(world, customer_id) == expected

    await world.eventually(has_come)


async def test_a_carried_version_reaches_older_subscriptions_and_what_is_sold_stays(world: World) -> None:
    stock_versions(world)
    await world.customer("united")
    token = await world.subscribe("united", "base", commitments={"gates": "3"})
    await world.report("united", "calls", "4", tokens=[token])
    assert await limit(world) == "10"
    # A publish that carries nothing changes nothing.
    plan = world.catalog.plans["base"]
    await world.publish("catalog", "plan.published.base", catalog_events_pb2.PlanPublished(plan=plan))
    await world.carry("base", 2)
    await carried(world)
    decision = await world.check("united", "calls")
    assert (decision.usage, decision.source.plan_version) == ("4", 2)
    assert (await world.check("united", "gates")).limit == "3"
    assert await world.why("united", "night-flights") == "INCLUDED"
    # Whoever comes later, and who changes, is resolved likewise.
    await world.customer("delta")
    token = await world.subscribe("delta", "base")
    assert (await world.check("delta", "calls", tokens=[token])).limit == "20"
    token = await world.commit("sub-united", {"gates": "5"})
    assert (await world.check("united", "gates", tokens=[token])).limit == "5"
    assert await limit(world) == "20"
    # An older state of the plan changes nothing; a newer version of it is not reached by an older one.
    older = plan_pb2.Plan(id="base", revision=1)
    await world.publish("catalog", "plan.published.base", catalog_events_pb2.PlanPublished(plan=older))
    world.plan("base", plan_pb2.PlanContent(entitlements=[limited("calls", "1", reset=BILLED)]), version=3)
    held = world.billing.subscriptions["sub-delta"]
    held.plan_version = 3
    token = await world.changed(held, events.SubscriptionUpdated())
    assert (await world.check("delta", "calls", tokens=[token])).limit == "1"
    assert await limit(world) == "20"


async def test_what_was_carried_before_is_known_when_a_version_is_fetched(world: World) -> None:
    stock_versions(world)
    await world.carry("base", 2, announced=False)
    await world.customer("united")
    token = await world.subscribe("united", "base", commitments={"gates": "3"})
    assert (await world.check("united", "calls", tokens=[token])).limit == "20"
    assert (await world.check("united", "gates")).limit == "3"


async def test_current_asks_the_catalog_too(world: World) -> None:
    stock_versions(world)
    await world.customer("united")
    token = await world.subscribe("united", "base")
    assert (await world.check("united", "calls", tokens=[token])).limit == "10"
    await world.carry("base", 2, announced=False)
    assert await limit(world) == "10"
    assert (await world.check("united", "calls", current=True)).limit == "20"
    assert await limit(world) == "20"
    world.catalog.gate.away = True
    with pytest.raises(TollkeeperError) as refused:
        await world.check("united", "calls", current=True)
    assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"
    assert await limit(world) == "20"


async def test_a_scheduled_plan_takes_what_is_carried_to_it(world: World) -> None:
    stock_versions(world)
    await world.customer("united")
    await world.subscribe("united", "carrier")
    at = START + timedelta(days=9)
    token = await world.schedule("sub-united", at, plan_id="base")
    assert (await world.check("united", "calls", tokens=[token])).limit == "10"
    await world.carry("base", 2)
    world.clock.time = at
    await carried(world)
    assert (await world.check("united", "calls")).source.plan_version == 2


async def test_a_carried_publish_costs_no_work_per_customer_before_it_decides(world: World) -> None:
    stock_versions(world)
    for number in range(MANY):
        await world.customer(f"c{number}", announced=False)
        await world.subscribe(f"c{number}", "base", announced=False)
        assert await limit(world, f"c{number}") == "10"
    await world.customer("other", announced=False)
    await world.subscribe("other", "carrier", announced=False)
    await limit(world, "other")
    neighbours = world.billing.gate.calls + world.metering.gate.calls
    # What metering is told of limits goes on beside that, many customers at a time.
    with counted(beside=("limits_due", "limits_told", "plan_sweep")) as statements:
        await world.carry("base", 2)
        for number in range(MANY):
            await carried(world, customer_id=f"c{number}")
    # The version and the pointer; some reads of this replica, as many for 5 customers as for 45.
    assert statements.rows_written <= 3
    assert statements.reads < MANY
    asked = world.billing.gate.calls + world.metering.gate.calls - neighbours
    assert set(asked) <= {"SetLimits"}
    assert asked["SetLimits"] <= 3
    assert world.catalog.gate.calls["GetPlanVersion"] == 3
    assert await limit(world, "other") == "10"


async def test_a_carried_reset_that_is_new_counts_what_was_used_before(world: World) -> None:
    stock_versions(world)
    await world.customer("united")
    token = await world.subscribe("united", "base")
    await world.report("united", "calls", "4", tokens=[token])
    world.metering.add("united", "miles", "7", at=START)
    entitlements = [limited("calls", "30", reset=MONTHLY), limited("miles", "50", reset=BILLED)]
    world.plan("base", plan_pb2.PlanContent(entitlements=entitlements), version=3)
    # What needs metering waits for it; until then the former limit decides.
    asked = world.metering.gate.calls.total()
    world.metering.gate.away = True
    await world.carry("base", 3)

    async def is_tried() -> bool:
        return await limit(world) == "10" and world.metering.gate.calls.total() > asked

    await world.eventually(is_tried)
    world.metering.gate.away = False
    await carried(world, "30")
    assert (await world.check("united", "calls")).usage == "4"
    assert (await world.check("united", "miles")).usage == "7"


async def test_both_replicas_hear_what_one_of_them_stores(pair: tuple[World, World]) -> None:
    one, other = pair
    stock_versions(one)
    await one.customer("united")
    token = await one.subscribe("united", "base")
    for side in pair:
        assert (await side.check("united", "calls", tokens=[token])).limit == "10"
    await one.carry("base", 2)
    await asyncio.gather(carried(one), carried(other))


async def test_what_is_carried_while_a_customer_is_loaded_is_not_missed(
    pair: tuple[World, World],
) -> None:
    one, other = pair
    stock_versions(one)
    for name in ("delta", "united"):
        await one.customer(name)
        token = await one.subscribe(name, "base")
        assert (await one.check(name, "calls", tokens=[token])).limit == "10"
    assert await limit(other, "delta") == "10"
    gate = one.metering.gate
    gate.hold = asyncio.Event()
    loading = asyncio.create_task(other.check("united", "calls"))
    # Its control state is read, its usage is not.
    await gate.holds("BatchGetWindows")
    await one.carry("base", 2)
    await carried(other, customer_id="delta")
    gate.hold.set()
    gate.hold = None
    assert (await loading).limit == "20"


async def test_what_was_carried_while_nobody_listened_is_found(
    world: World, database_url: str, database_away: DatabaseAway
) -> None:
    stock_versions(world)
    await world.customer("united")
    await world.customer("delta")
    await world.subscribe("delta", "base", plan_version=2)
    token = await world.subscribe("united", "base")
    assert (await world.check("united", "calls", tokens=[token])).limit == "10"
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    moved = (
        "INSERT INTO plan VALUES ('base', 2, 999, nextval('revision')) ON CONFLICT (id)"
        " DO UPDATE SET carried_version = 2, revision = 999, change = nextval('revision')"
    )
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(moved)
    assert await limit(world) == "10"
    async with database_away():
        pass
    await carried(world)


async def test_a_carried_version_that_is_not_understood_leaves_what_was_granted(world: World) -> None:
    stock_versions(world)
    strange = entitlement_pb2.Entitlement(feature_id="night-flights")
    world.plan("base", plan_pb2.PlanContent(entitlements=[strange]), version=3)
    await world.customer("united")
    token = await world.subscribe("united", "base")
    assert (await world.check("united", "calls", tokens=[token])).limit == "10"
    await world.carry("base", 3)
    # What comes after it on the stream is not held up for ever.
    await world.carry("base", 2)
    await carried(world)
