"""Counts what features in shadow mode would have been refused: in memory, added to the store every few seconds and at the end."""

import asyncio
from typing import Final

import structlog

from entitlements.domain.decision import Decision
from entitlements.domain.shadow import ShadowTally
from entitlements.store import shadow_refusals
from kernel.clock import Clock
from kit.db import Database

log = structlog.get_logger()

# Counts of so long are lost when a replica is killed.
FLUSH_SECONDS: Final = 2.0
# Rows in one statement.
_TOGETHER: Final = 1_000


class ShadowCounts:
    """Takes note of refusals that were spared."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tally = ShadowTally()

    def note(self, decision: Decision) -> None:
        """Counts a check or a report that was granted only because its feature is in shadow mode."""
        if not self._tally.note((self._clock.now().date(), decision.feature_id, decision.reason)):
            log.warning("shadow_refusal_not_counted", feature_id=decision.feature_id)

    async def run(self) -> None:
        """Stores until canceled, and once more then."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self._flush()
        finally:
            await self._flush()

    async def _flush(self) -> None:
        waiting = self._tally.take()
        while waiting:
            some = waiting[:_TOGETHER]
            try:
                async with self._database.write() as connection:
                    await shadow_refusals.add(connection, some)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again.
                log.warning("shadow_refusals_wait", error=repr(error))
                for each in waiting:
                    self._tally.note((each.day, each.feature_id, each.reason), each.count)
                return
            del waiting[:_TOGETHER]
