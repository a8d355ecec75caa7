"""A renewal worker, a process of its own: ``python -m tests.bench._renewal_worker METERING_ADDRESS``.

Reads lines from standard input: ``URL NOW BATCHES`` renews what is due in a database, at most so many batches, and answers with
a line. It keeps its connections, as the service does.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.clients.metering import Metering
from billing.commands.boundaries import Boundaries
from billing.commands.collecting import ManualCollection
from billing.commands.cross_boundaries import LANES, CrossBoundaries
from billing.commands.plans import Plans
from billing.store import tables
from kernel.clock import Clock
from kit.client import open_channel
from kit.db import Database
from kit.outbox import Outbox


@dataclass(slots=True)
class StandingClock:
    """Tells what it was set to."""

    time: datetime

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self.time


def renewals(database: Database, metering: Metering, clock: Clock) -> CrossBoundaries:
    """A worker as the service makes it."""
    outbox = Outbox("billing", tables.outbox)
    boundaries = Boundaries(database, outbox, metering=metering, plans=Plans(), collection=ManualCollection())
    return CrossBoundaries(database, boundaries, clock=clock, poll_seconds=1)


async def main(metering_address: str) -> None:
    """Works until standard input ends."""
    clock = StandingClock(datetime.now(UTC))
    workers: dict[str, CrossBoundaries] = {}
    async with AsyncExitStack() as stack:
        metering = Metering(await stack.enter_async_context(open_channel(metering_address)))
        while line := await asyncio.to_thread(sys.stdin.readline):
            url, now, batches = line.split()
            if url not in workers:
                database = Database(url)
                stack.push_async_callback(database.close)
                workers[url] = renewals(database, metering, clock)
            clock.time = datetime.fromisoformat(now)
            lanes = [_cross(workers[url], -(-int(batches) // LANES)) for _ in range(LANES)]
            await asyncio.gather(*lanes)
            print("done", flush=True)


async def _cross(crossing: CrossBoundaries, batches: int) -> None:
    for _ in range(batches):
        if not await crossing.cross_batch():
            return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
