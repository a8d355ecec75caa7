"""A replica serves from its first catch-up on; what it lags behind later stands in its answers, not in its health."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import nats
import psycopg
import pytest

from tests.faults.replicas.health import says
from tests.faults.replicas.outages import dead
from tests.faults.replicas.world import SIDES, World, until


@contextmanager
def locked(world: World, service: str, table: str) -> Iterator[None]:
    """Inside the block nobody can store anything in the table; it can be read."""
    url = world.platform.postgres.url(f"tollkeeper_{service}").replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
        yield


async def is_met(world: World, durable: str) -> bool:
    """Whether a replica has asked the broker for billing's events: it waits for one, or was given what another could not store."""
    client = await nats.connect(world.platform.nats.url)
    try:
        info = await client.jetstream().consumer_info("tollkeeper_billing", durable)
    finally:
        await client.close()
    return bool(info.num_waiting or info.num_redelivered)


@pytest.mark.parametrize("service", ["entitlements", "metering"])
async def test_a_replica_serves_once_it_has_caught_up(service: str, world: World) -> None:
    child = f"{service}-2"
    address = world.platform.addresses[child]
    with locked(world, service, "customer"):
        with world.platform.away(child):
            # The other replica has this in its hands, and cannot store it.
            await world.customer()
        await until(lambda: _says(address, "NOT_SERVING"), within=30)
        began = time.monotonic()

        async def has_asked() -> bool:
            return await is_met(world, service) and time.monotonic() - began > 0.5

        await until(has_asked, within=30)
        assert await says(address) == "NOT_SERVING"
        assert await says(world.platform.addresses[service]) == "SERVING"
    await until(lambda: _says(address, "SERVING"), within=30)


async def _says(address: str, what: str) -> bool:
    return await says(address) == what


async def test_events_that_cannot_be_stored_show_in_as_of_and_not_in_health(world: World) -> None:
    airline = await world.known_airline(gates=2)
    with locked(world, "entitlements", "subscription"):
        began = time.time()
        await world.commit(airline, 3)

        async def stands_still() -> bool:
            answers = [await world.check(side, airline, "gates") for side in SIDES]
            assert {answer.limit for answer in answers} == {"2"}
            # Knowledge of before the change, and the older the longer it lasts.
            ages = [time.time() - answer.as_of.ToMicroseconds() / 1_000_000 for answer in answers]
            assert all(age > time.time() - began - 2 for age in ages)
            return min(ages) > 3

        await until(stands_still, within=30)
        for child in ("entitlements", "entitlements-2"):
            assert await says(world.platform.addresses[child]) == "SERVING"

    async def is_exact() -> bool:
        answers = [await world.check(side, airline, "gates") for side in SIDES]
        return all(answer.limit == "3" and answer.as_of.ToSeconds() > began for answer in answers)

    await until(is_exact, within=30)


async def test_without_the_broker_a_running_replica_serves_on(world: World) -> None:
    children = ("entitlements", "entitlements-2", "metering", "metering-2")
    async with dead(world.platform, ["nats"]):
        for child in children:
            assert await says(world.platform.addresses[child]) == "SERVING"
