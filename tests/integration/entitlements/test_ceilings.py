"""The number that travels with a ceiling: every change that a limit follows from raises it, on all replicas the same way."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from sqlalchemy.engine import make_url

from entitlements.store import changes
from kit.db import Database
from tests.integration.entitlements.conftest import Replica
from tests.integration.entitlements.giving import Giving
from tests.integration.entitlements.plans import limited
from tests.integration.entitlements.world import World
from tollkeeper.catalog.v1 import plan_pb2 as plan
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub


@pytest.fixture
async def pair(world: World, replica: Replica) -> AsyncIterator[tuple[World, Giving]]:
    """The world through one replica; grants, and the world, through another."""
    async with replica() as channel:
        yield world, Giving.through(channel)


async def number(world: World) -> int:
    """The number of a ceiling that is shown now."""
    answer = await world.report("united", "calls", "1", enforce=True)
    assert answer.covered
    return world.metering.newest_entitlement["united", "calls"]


async def test_every_change_of_what_is_held_raises_it(pair: tuple[World, Giving]) -> None:
    world, giving = pair
    world.plan("base", plan.PlanContent(entitlements=[limited("calls", "100")]))
    world.plan("base", plan.PlanContent(entitlements=[limited("calls", "90")]), version=2)
    world.plan("base", plan.PlanContent(entitlements=[limited("calls", "80")]), version=3)
    await world.customer("united")
    token = await world.subscribe("united", "base")
    assert (await world.check("united", "calls", tokens=[token])).limit == "100"
    numbers = [await number(world)]
    for version, limit in ((2, "90"), (3, "80")):
        await world.carry("base", version)

        async def is_carried(limit: str = limit) -> bool:
            return (await world.check("united", "calls")).limit == limit

        await world.eventually(is_carried)
        numbers.append(await number(world))
    token = await world.subscribe("united", "carrier", id="second")
    await world.check("united", "calls", tokens=[token])
    numbers.append(await number(world))
    given = await giving.give("united", "calls", limit="500")
    await world.check("united", "calls", tokens=[given.token])
    numbers.append(await number(world))
    ended = await giving.end("united", given.promotional_grant.id)
    await world.check("united", "calls", tokens=[ended.token])
    numbers.append(await number(world))
    revoked = await giving.revoke("united", "gates")
    await world.check("united", "calls", tokens=[revoked.token])
    numbers.append(await number(world))
    assert numbers == sorted(set(numbers))


async def test_a_subscription_that_ends_after_a_publish_does_not_lower_it(pair: tuple[World, Giving]) -> None:
    world, _ = pair
    for version, limit in ((1, "100"), (2, "90")):
        world.plan("base", plan.PlanContent(entitlements=[limited("calls", limit)]), version=version)
    await world.test_clock("clock", world.clock.time)
    await world.customer("united", clock_id="clock")
    await world.subscribe("united", "daily", id="other")
    await world.subscribe("united", "base")
    ends = world.clock.time.replace(day=20)
    # The end is written before its time has come.
    token = await world.cancel("sub-united", at=ends, ended=True)
    assert (await world.check("united", "calls", tokens=[token])).limit == "100"
    await world.carry("base", 2)

    async def is_carried() -> bool:
        return (await world.check("united", "calls")).limit == "90"

    await world.eventually(is_carried)
    before = await number(world)
    token = await world.test_clock("clock", ends)
    answer = await world.report("united", "calls", "1", enforce=True, tokens=[token])
    assert (answer.written, answer.decision.limit) == (True, "4")
    assert world.metering.newest_entitlement["united", "calls"] >= before


async def test_a_replica_that_is_behind_reads_its_own_database_and_goes_on(
    pair: tuple[World, Giving], database_url: str, replica: Replica
) -> None:
    world, giving = pair
    await world.customer("united")
    token = await world.subscribe("united", "soft")
    await world.check("united", "gates", tokens=[token])
    given = await giving.give("united", "calls", limit="5")
    await world.check("united", "calls", tokens=[given.token])
    # Nobody is told of this one: only metering, by the other replica, which shows it the newer number.
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("UPDATE promotional_grant SET content = jsonb_set(content, '{limit}', '\"2\"')")
        await connection.execute("UPDATE customer_change SET revision = nextval('revision')")
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
        assert (await other.report("united", "calls", "1", enforce=True)).written
        answers = await asyncio.gather(*(world.report("united", "calls", "1", enforce=True) for _ in range(5)))
    assert sum(answer.written for answer in answers) == 1
    assert {answer.decision.limit for answer in answers} == {"2"}


async def test_a_plan_takes_its_number_after_every_customer_that_changes_before_it(
    open_database: Callable[[str], Database],
) -> None:
    database = open_database("entitlements")
    order: list[str] = []

    async def publish() -> int:
        async with database.write() as connection:
            change = await changes.change_plan(connection, "carrier")
            order.append("plan")
            return change

    async with database.write() as connection:
        await changes.lock_customer(connection, "united")
        async with database.write() as another:
            # Other customers may change beside this one.
            await changes.lock_customer(another, "delta")
            first = await changes.change_customer(another, "delta", given=False)
        publishing = asyncio.create_task(publish())
        async with asyncio.timeout(10):
            waiting = False
            while not waiting:
                query = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                async with database.read() as looking:
                    waiting = bool((await looking.exec_driver_sql(query)).scalar_one())
        revision = await changes.change_customer(connection, "united", given=False)
        order.append("customer")
    assert first < revision < await publishing
    assert order == ["customer", "plan"]


async def test_racing_changes_of_one_customer_take_numbers_in_the_order_in_which_they_are_seen(
    open_database: Callable[[str], Database],
) -> None:
    database = open_database("entitlements")
    seen: list[int] = []

    async def change() -> None:
        async with database.write() as connection:
            before = await changes.lock_customer(connection, "united")
            assert before == (seen[-1] if seen else 0)
            seen.append(await changes.change_customer(connection, "united", given=False))

    await asyncio.gather(*(change() for _ in range(20)))
    assert seen == sorted(set(seen))
