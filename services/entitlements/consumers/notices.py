"""Notices of the own database: what any replica stored, every replica hears, on a connection of its own."""

import asyncio
from contextlib import aclosing
from typing import Any, Final

import psycopg
import structlog

from entitlements.commands.find_feature import FindFeature
from entitlements.commands.keep_fresh import KeepFresh
from entitlements.domain.memory import Memory
from entitlements.store import customers, features
from entitlements.store.notices import CHANNEL, NoticeKind, parse_notice
from kit.db import Database, conninfo

log = structlog.get_logger()

# How often the connection is asked whether everything was told: `as_of` lags by so much.
_QUIET_SECONDS: Final = 1.0
# The same until it is known for the first time, which the service's readiness waits for.
_FIRST_SECONDS: Final = 0.05
# A connection that does not answer for so long is lost.
_ANSWER_SECONDS: Final = 10.0
# How long to wait before a lost connection is opened again.
_PAUSE_SECONDS: Final = 0.5


class Notices:
    """Turns notices into refreshes of what is held."""

    def __init__(self, database: Database, memory: Memory, *, find_feature: FindFeature, keep_fresh: KeepFresh) -> None:
        self._database = database
        self._memory = memory
        self._find_feature = find_feature
        self._keep_fresh = keep_fresh
        self.covered = asyncio.Event()

    async def run(self) -> None:
        """Listens until canceled; `covered` is set once everything that had been announced before is known."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - whatever it is, listening begins anew.
                log.warning("notices_lost", error=repr(error))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self) -> None:
        control = self._memory.control
        async with await psycopg.AsyncConnection.connect(conninfo(self._database.url), autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            # Whatever was announced while nobody listened is looked up again.
            self._find_feature.forget_all()
            async with self._database.read() as own:
                self._memory.describe(await features.read_all(own))
            self._memory.suspect_all()
            self._keep_fresh.notices_missed()
            while True:
                await self._take_notices(connection, _FIRST_SECONDS if control.coverage is None else _QUIET_SECONDS)
                # Whatever was stored by now was announced before the server answers this.
                stored = control.stored
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await connection.execute("SELECT 1")
                await self._take_notices(connection, 0)
                control.hear(stored)
                if control.coverage is not None:
                    self.covered.set()

    async def _take_notices(self, connection: psycopg.AsyncConnection[Any], seconds: float) -> None:
        async with aclosing(connection.notifies(timeout=seconds)) as notices:
            async for notice in notices:
                await self._take(notice.payload)

    async def _take(self, payload: str) -> None:
        kind, thing_id = parse_notice(payload)
        match kind:
            case NoticeKind.CUSTOMER:
                self._keep_fresh.customer_changed(thing_id)
            case NoticeKind.TEST_CLOCK:
                await self._move_clock(thing_id)
            case NoticeKind.FEATURE:
                feature = await self._find_feature.forget(thing_id)
                if feature is not None:
                    self._memory.describe([feature])
            case NoticeKind.PLAN:
                self._keep_fresh.plan_changed(thing_id)

    async def _move_clock(self, clock_id: str) -> None:
        if self._memory.held_clock(clock_id) is None:
            return
        async with self._database.read() as connection:
            clock = (await customers.read_clocks(connection, [clock_id])).get(clock_id)
        if clock is not None:
            self._memory.clock(clock)
            # What was dated ahead of the clock counts from now on, if it was not held as a later window already.
            self._keep_fresh.usage_unread(self._memory.customers_on(clock_id))
