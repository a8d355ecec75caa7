"""Carries test clocks to their targets, boundary by boundary, whatever crashes on the way.

An advance is a state in the database: a clock that is `ADVANCING` is finished by whichever process holds its advisory lock.
Each boundary is a transaction of its own that looks again before it writes, so that an advance goes on where it stopped.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.boundaries import BATCH, Boundaries
from billing.commands.collecting import Collecting
from billing.domain.test_clock import ClockState, TestClock, arrive, move
from billing.messages.test_clock import clock_to_proto
from billing.store import revisions, subscriptions, test_clocks
from kernel.errors import ErrorKind, TollkeeperError
from kit import deadline
from kit.db import Database, conninfo
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2

log = structlog.get_logger()

# Clocks carried at the same time: each keeps a connection of its own for its lock.
_CONCURRENT = 8
# Clocks looked up at a time.
_BATCH = 100
# The name space of the advisory locks of clocks. Any constant serves.
_LOCK_SEED = 7_404_001


class TestClockRunner:
    """Carries clocks; commands join by `finish`, and as a worker it finishes what a crash left."""

    __test__ = False  # pytest would take the class for a test.

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        boundaries: Boundaries,
        collection: Collecting,
        poll_seconds: float,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._boundaries = boundaries
        self._collection = collection
        self._poll_seconds = poll_seconds
        self._running: dict[str, asyncio.Task[TestClock]] = {}
        self._slots = asyncio.Semaphore(_CONCURRENT)

    async def finish(self, clock_id: str, target: datetime) -> TestClock:
        """The clock, standing at the target or beyond, when it has arrived. Ending the wait does not end the advance.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: metering is away; the worker goes on when it is back.
        """
        while True:
            clock = await asyncio.shield(self._task(clock_id))
            # A task that was just ending had not seen this advance begin.
            if clock.time >= target:
                return clock

    async def run(self) -> None:
        """Finishes clocks that are on their way, until canceled."""
        try:
            while True:
                async with self._database.read() as connection:
                    for clock_id in await test_clocks.advancing(connection, _BATCH):
                        self._task(clock_id)
                await asyncio.sleep(self._poll_seconds)
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _task(self, clock_id: str) -> "asyncio.Task[TestClock]":
        running = self._running.get(clock_id)
        if running is None or running.done():
            task = asyncio.create_task(self._carry(clock_id), name=f"test clock {clock_id}")
            self._running[clock_id] = task
            task.add_done_callback(lambda done: self._ended(clock_id, done))
        return self._running[clock_id]

    def _ended(self, clock_id: str, task: "asyncio.Task[TestClock]") -> None:
        if self._running.get(clock_id) is task:
            del self._running[clock_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("test_clock_waits", test_clock_id=clock_id, error=repr(error))

    async def _carry(self, clock_id: str) -> TestClock:
        # The advance outlives the call that began it, and so its deadline.
        deadline.start(None)
        async with self._slots, _alone(self._database, clock_id):
            while (clock := await self._load(clock_id)).state is ClockState.ADVANCING:
                await self._next_boundary(clock_id)
            return clock

    async def _load(self, clock_id: str) -> TestClock:
        async with self._database.read() as connection:
            clock = await test_clocks.get(connection, clock_id)
        if clock is None:
            raise LookupError(clock_id)
        return clock

    async def _next_boundary(self, clock_id: str) -> None:
        """Runs the next boundary until the target, or lets the clock arrive where there is none."""
        boundary = await self._move(clock_id)
        while boundary is not None:
            async with self._database.read() as connection:
                due = await subscriptions.due_at(connection, clock_id, boundary, BATCH)
            if not due:
                await self._collection.run_boundary(clock_id, boundary)
                return
            faults = await self._boundaries.cross_each(due, now=boundary)
            if faults:
                raise faults[0]

    async def _move(self, clock_id: str) -> datetime | None:
        """Moves the clock to its next boundary, or to its target where there is none, and announces it."""
        async with self._database.write() as connection:
            clock = await test_clocks.get(connection, clock_id, lock=True)
            if clock is None or clock.target_time is None:
                return None
            boundary = await self._next(connection, clock_id, clock.target_time)
            revision = await revisions.take(connection)
            moved = arrive(clock, revision=revision) if boundary is None else move(clock, boundary, revision=revision)
            if moved is not clock:
                await test_clocks.save(connection, moved)
                event = billing_events_pb2.TestClockAdvanced(test_clock=clock_to_proto(moved))
                await self._outbox.put(connection, "test_clock", "advanced", id=clock_id, event=event)
            return boundary

    async def _next(self, connection: AsyncConnection, clock_id: str, target: datetime) -> datetime | None:
        found = [
            await subscriptions.next_boundary(connection, clock_id, target),
            await self._collection.next_boundary(connection, clock_id, target),
        ]
        return min((one for one in found if one is not None), default=None)


@asynccontextmanager
async def _alone(database: Database, clock_id: str) -> AsyncIterator[None]:
    """The block runs in one process at a time; others wait. A lost process loses its lock with its connection."""
    async with AsyncExitStack() as resources:
        try:
            connection = await psycopg.AsyncConnection.connect(conninfo(database.url), autocommit=True)
            resources.push_async_callback(connection.close)
            await connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, %s))", (clock_id, _LOCK_SEED))
        except psycopg.Error as error:
            message = "The store cannot be reached. Retry with backoff."
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message) from error
        yield
