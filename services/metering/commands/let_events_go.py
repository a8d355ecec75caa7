"""Lets raw events go that are older than the setting keeps; what they counted for stands, and their keys stay used."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from kernel.clock import Clock
from kit.db import Database
from metering.commands.customer_clocks import CustomerClocks
from metering.domain.customer import EventHorizon
from metering.store import expiry, horizon
from metering.store.line import raw_of

log = structlog.get_logger()

# How often: what is kept is told in days.
EVERY: Final = timedelta(hours=1)
# Rows in one transaction: some 50 ms. Ingest goes on between two.
MOST_TOGETHER: Final = 5_000
PAUSE: Final = timedelta(milliseconds=50)


class LetEventsGo:
    """Several processes may do it side by side: each skips what another is at.

    Customers on a test clock keep all of theirs, since the times they live in say nothing of how old their events are.
    """

    def __init__(
        self, database: Database, clocks: CustomerClocks, event_horizon: EventHorizon, *, clock: Clock
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._horizon = event_horizon
        self._clock = clock

    async def run(self) -> None:
        """Works until canceled."""
        while True:
            await self()
            await asyncio.sleep(EVERY.total_seconds())

    async def __call__(self) -> int:
        """Once through all customers; gives how many rows were let go.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: only billing can tell a customer's clock, and is away.
        """
        before = await self._move_horizon()
        if self._horizon.days is None:
            return 0
        count, customer_id = 0, ""
        while (found := await self._next(customer_id, before)) is not None:
            customer_id = found
            if not await self._lives_on_a_test_clock(customer_id):
                count += await self._let_go(customer_id, before)
        if count:
            log.info("raw_events_let_go", count=count)
        return count

    async def _move_horizon(self) -> int:
        """Before the first event goes, so that nobody takes what is left for all there was."""
        async with self._database.write() as connection:
            if self._horizon.days is None:
                stored = await horizon.read(connection)
            else:
                stored = await horizon.move(connection, self._horizon.at(self._clock.now()))
        self._horizon.stored = stored
        return stored

    async def _next(self, after: str, before: int) -> str | None:
        async with self._database.read() as connection:
            return await expiry.next_customer(await raw_of(connection), after=after, before=before)

    async def _lives_on_a_test_clock(self, customer_id: str) -> bool:
        known = await self._clocks.clock_ids([customer_id])
        if customer_id not in known:
            await self._clocks.ask([customer_id])
            known = await self._clocks.clock_ids([customer_id])
        return bool(known.get(customer_id))

    async def _let_go(self, customer_id: str, before: int) -> int:
        count = 0
        while True:
            async with self._database.write() as connection:
                gone = await expiry.let_go(await raw_of(connection), customer_id, before=before, most=MOST_TOGETHER)
            count += gone
            if gone < MOST_TOGETHER:
                return count
            await asyncio.sleep(PAUSE.total_seconds())
