"""Makes a test clock."""

from billing.commands.tokens import clock_token
from billing.domain.test_clock import ClockSpec, TestClock, create_test_clock
from billing.messages.test_clock import clock_to_proto
from billing.store import revisions, test_clocks
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2


class CreateTestClock:
    """Makes a clock and announces it; one that was made equal is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def __call__(self, spec: ClockSpec) -> tuple[TestClock, str]:
        """The clock as made, and the write's token.

        Raises:
            TollkeeperError: `TEST_CLOCK_ID_TAKEN` by a clock that was made otherwise.
        """
        async with self._database.write() as connection:
            clock = create_test_clock(spec, revision=await revisions.take(connection))
            if await test_clocks.add(connection, clock):
                event = billing_events_pb2.TestClockCreated(test_clock=clock_to_proto(clock))
                await self._outbox.put(connection, "test_clock", "created", id=clock.id, event=event)
                return clock, clock_token(clock)
            existing = await test_clocks.get(connection, spec.id)
            if existing is None or existing.spec != spec:
                raise _taken(spec.id)
            return existing, clock_token(existing)


def _taken(clock_id: str) -> TollkeeperError:
    return TollkeeperError(
        ErrorKind.ALREADY_EXISTS,
        "TEST_CLOCK_ID_TAKEN",
        f"A clock that was made otherwise has the id {clock_id}. Choose another id.",
        metadata={"test_clock_id": clock_id},
    ).at("test_clock.id")
