"""Renews the subscriptions of real-time customers when their periods end; any number of these workers may run."""

import asyncio
from datetime import timedelta

import structlog

from billing.commands.renewals import BATCH, Renewals
from billing.store import subscriptions
from kernel.clock import Clock
from kernel.errors import TollkeeperError
from kit.db import Database

log = structlog.get_logger()

# Longer than a batch with its call to metering takes; after it, another worker takes what a killed one had, and what failed
# is tried again.
_LEASE = timedelta(seconds=30)


class RenewDueSubscriptions:
    """Claims due subscriptions, a batch at a time, and renews them."""

    def __init__(self, database: Database, renewals: Renewals, *, clock: Clock, poll_seconds: float) -> None:
        self._database = database
        self._renewals = renewals
        self._clock = clock
        self._poll_seconds = poll_seconds

    async def run(self) -> None:
        """Renews what is due, until canceled."""
        while True:
            while await self.renew_batch():
                pass
            await asyncio.sleep(self._poll_seconds)

    async def renew_batch(self) -> bool:
        """Renews one batch, each subscription by one period; whether anything was renewed, so that more may be due."""
        now = self._clock.now()
        async with self._database.write() as connection:
            claimed = await subscriptions.lease_due(connection, now, lease=_LEASE, limit=BATCH)
        if not claimed:
            return False
        try:
            faults = await self._renewals.renew_each(claimed, now=now)
        except TollkeeperError as error:
            # Metering is away: nothing is lost, and access goes on. It is tried again at the next poll.
            log.warning("renewals_wait", subscriptions=len(claimed), error=str(error))
            async with self._database.write() as connection:
                await subscriptions.end_lease(connection, claimed)
            return False
        return len(faults) < len(claimed)
