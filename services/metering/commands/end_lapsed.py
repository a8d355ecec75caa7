"""Ends reservations when they lapse, so that checks see the room; decisions do not need it, for they look themselves."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from kit.db import Database
from metering.commands.write_usage import Batch, WriteUsage
from metering.domain.reservation import SHORTEST
from metering.store import reservations
from metering.store.line import raw_of

log = structlog.get_logger()

# Customers' features whose reservations end in one transaction, and rows that are deleted in one.
MOST_DUE: Final = 50
MOST_FORGOTTEN: Final = 1_000
# How often rows that are no longer needed are looked for.
FORGET_EVERY: Final = timedelta(minutes=1)
_NONE: Final = timedelta(0)


class EndLapsed:
    """Wakes when the next reservation lapses. Several processes may do it side by side: who comes second finds nothing left.

    What other processes make meanwhile lasts at least as long as one looks away: so each is met before it lapses.
    """

    def __init__(self, database: Database, write: WriteUsage) -> None:
        self._database = database
        self._write = write

    async def run(self) -> None:
        """Works until canceled."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while True:
            wait = await self._end()
            if loop.time() >= forget_at and await self._forget() < MOST_FORGOTTEN:
                forget_at = loop.time() + FORGET_EVERY.total_seconds()
            await asyncio.sleep(wait.total_seconds())

    async def _end(self) -> timedelta:
        """Ends some that have lapsed; how long until there is more to do."""
        async with self._database.read() as connection:
            soon = await reservations.due(await raw_of(connection), within=SHORTEST, most=MOST_DUE)
        due = [series for series, left in soon if left <= _NONE]
        if due:
            await self._write(Batch(due=due))
            return _NONE
        return min((left for _, left in soon), default=SHORTEST)

    async def _forget(self) -> int:
        async with self._database.write() as connection:
            count = await reservations.forget(await raw_of(connection), most=MOST_FORGOTTEN)
        if count:
            log.info("reservations_forgotten", count=count)
        return count
