"""Billing killed by SIGKILL in the middle of an advance, again and again: the same invoices as without."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from cli.ports import free_port
from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import World, told

START = datetime(2013, 1, 1, tzinfo=UTC)
APRIL = START.replace(month=4)


@asynccontextmanager
async def another_process(world: World) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the service, beside the one of the test and on the same database; killed at the end."""
    settings = world.settings
    environment = {
        "TOLLKEEPER_DATABASE_URL": settings.database_url,
        "TOLLKEEPER_NATS_URL": settings.nats_url,
        "TOLLKEEPER_LISTEN": f"127.0.0.1:{free_port()}",
        "TOLLKEEPER_CATALOG_ADDRESS": settings.catalog_address,
        "TOLLKEEPER_METERING_ADDRESS": settings.metering_address,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "billing", "serve", env=os.environ | environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def test_an_advance_that_is_killed_at_every_boundary(world: World) -> None:
    world.catalog.publish(plan("airline", gates(), departures()))
    await world.clock("2013", START)
    for name in ("UA", "AA"):
        await world.customer(name, "2013")
        await world.provision(name, "airline", commitments={"gates": "20"})
        world.metering.use(name, "departures", START, quantity="2500")
    # An advance that another process began, and nobody works at.
    async with world.database.write() as connection:
        await connection.exec_driver_sql("UPDATE test_clock SET state = 'ADVANCING', target_time = '2013-04-01T00:00Z'")
    for answered in (0, 1):
        world.metering.gate.clear()
        world.metering.asked.clear()
        world.metering.passes = answered
        async with another_process(world):
            await asyncio.wait_for(world.metering.asked.wait(), 30)
            # Killed here, while it waits for the usage of a period.
        world.metering.gate.set()
    # Whoever asks for the same target joins, and finishes what is left.
    arrived = await world.advance("2013", APRIL)
    assert arrived.test_clock.time.ToDatetime(UTC) == APRIL
    for name in ("UA", "AA"):
        assert [(told(one), one.finalize_time.ToDatetime(UTC)) for one in await world.invoices_of(name)] == [
            ([("COMMITMENT", "20", "298.00")], START),
            ([("COMMITMENT", "20", "298.00"), ("USAGE", "2500", "15.00")], START.replace(month=2)),
            ([("COMMITMENT", "20", "298.00"), ("USAGE", "0", "0.00")], START.replace(month=3)),
            ([("COMMITMENT", "20", "298.00"), ("USAGE", "0", "0.00")], APRIL),
        ]
    assert [one.number for one in await world.invoices_of()] == [f"TK-{i:06}" for i in range(1, 9)]
