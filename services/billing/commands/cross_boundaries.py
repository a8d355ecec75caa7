"""Crosses the boundaries of real-time customers' subscriptions when they come; any number of these workers may run."""

import asyncio
from datetime import timedelta

import structlog

from billing.commands.boundaries import BATCH, Boundaries
from billing.store import subscriptions
from kernel.clock import Clock
from kernel.errors import TollkeeperError
from kit.db import Database

log = structlog.get_logger()

# Longer than a batch with its call to metering takes; after it, another worker takes what a killed one had, and what failed
# is tried again.
_LEASE = timedelta(seconds=30)

# Batches at a time: one is computed while the other is being read or written.
LANES = 2


class CrossBoundaries:
    """Claims due subscriptions, a batch at a time, and crosses their boundaries."""

    def __init__(self, database: Database, boundaries: Boundaries, *, clock: Clock, poll_seconds: float) -> None:
        self._database = database
        self._boundaries = boundaries
        self._clock = clock
        self._poll_seconds = poll_seconds

    async def run(self) -> None:
        """Crosses what is due, until canceled."""
        while True:
            if await self.cross_batch():
                async with asyncio.TaskGroup() as lanes:
                    for _ in range(LANES):
                        lanes.create_task(self._cross_batches())
            await asyncio.sleep(self._poll_seconds)

    async def _cross_batches(self) -> None:
        while await self.cross_batch():
            pass

    async def cross_batch(self) -> bool:
        """Crosses one boundary of each subscription of a batch; whether any was, so that more may be due."""
        now = self._clock.now()
        async with self._database.write() as connection:
            claimed = await subscriptions.lease_due(connection, now, lease=_LEASE, limit=BATCH)
        if not claimed:
            return False
        try:
            faults = await self._boundaries.cross_each(claimed, now=now)
        except TollkeeperError as error:
            # Metering is away: nothing is lost, and access goes on. It is tried again at the next poll.
            log.warning("boundaries_wait", subscriptions=len(claimed), error=str(error))
            async with self._database.write() as connection:
                await subscriptions.end_lease(connection, claimed)
            return False
        return len(faults) < len(claimed)
