"""Moves a test clock forward."""

from datetime import datetime

from billing.commands.test_clock_runner import TestClockRunner
from billing.commands.tokens import MOST_SUBSCRIPTIONS, clock_token
from billing.domain.test_clock import ClockState, TestClock, begin_advance, clock_not_found
from billing.messages.test_clock import clock_to_proto
from billing.store import revisions, subscriptions, test_clocks
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2


class AdvanceTestClock:
    """Sends a clock to a target and waits for it."""

    def __init__(self, database: Database, outbox: Outbox, *, runner: TestClockRunner) -> None:
        self._database = database
        self._outbox = outbox
        self._runner = runner

    async def __call__(self, clock_id: str, target: datetime) -> tuple[TestClock, str]:
        """The clock, standing at the target, and the token of everything on the way.

        Raises:
            TollkeeperError: `TEST_CLOCK_NOT_FOUND`; `TEST_CLOCK_BACKWARDS`; `TEST_CLOCK_ADVANCING` to another target;
                `INVALID_FIELD` for more than ten years; `DEPENDENCY_UNAVAILABLE`: it goes on by itself.
        """
        clock = await self._begin(clock_id, target)
        if clock.state is ClockState.ADVANCING:
            clock = await self._runner.finish(clock_id, target)
        async with self._database.read() as connection:
            since = await test_clocks.advance_revision(connection, clock_id)
            changed = await subscriptions.changed_since(connection, clock_id, since, MOST_SUBSCRIPTIONS + 1)
        return clock, clock_token(clock, changed)

    async def _begin(self, clock_id: str, target: datetime) -> TestClock:
        async with self._database.write() as connection:
            clock = await test_clocks.get(connection, clock_id, lock=True)
            if clock is None:
                raise clock_not_found(clock_id)
            begun = begin_advance(clock, target, revision=await revisions.take(connection))
            if begun is not clock:
                await test_clocks.begin_advance(connection, begun)
                event = billing_events_pb2.TestClockAdvanced(test_clock=clock_to_proto(begun))
                await self._outbox.put(connection, "test_clock", "advanced", id=clock_id, event=event)
            return begun
