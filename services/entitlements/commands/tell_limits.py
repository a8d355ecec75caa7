"""Tells metering what limits stand over trackers, after every change that they follow from: by facts, never by checks."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from entitlements.clients.metering import MeteringClient
from entitlements.domain.limits import Limits, LimitSpan, changed_limits, limits_of
from entitlements.domain.usage import Tracker
from entitlements.store import limits
from entitlements.store.control import ControlStore, Known
from kernel.clock import Clock
from kit import deadline
from kit.db import Database

log = structlog.get_logger()

# How often customers are looked for whose limits may have changed: any replica may have stored the change.
LOOK_SECONDS: Final = 0.5
# Customers at a time.
MOST_TOGETHER: Final = 200
# Subscriptions that are looked through at a time for those of a plan whose carried version changed.
MOST_SWEPT: Final = 2_000

Stand = tuple[int, Limits]


class TellLimits:
    """Works beside everything else; a customer is due until metering was told. Several replicas share the work."""

    def __init__(self, database: Database, control: ControlStore, *, metering: MeteringClient, clock: Clock) -> None:
        self._database = database
        self._control = control
        self._metering = metering
        self._clock = clock

    async def run(self) -> None:
        """Works until canceled."""
        deadline.start(None)
        while True:
            try:
                # A plan's customers are looked through while nobody else waits.
                while await self._tell() or await self._sweep():
                    pass
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again.
                log.warning("limits_wait", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _tell(self) -> bool:
        """Whether anybody was due."""
        async with self._database.write() as connection:
            taken = await limits.take(connection, most=MOST_TOGETHER)
        if not taken:
            return False
        known = await self._control(list(taken))
        async with self._database.read() as connection:
            told = await limits.told(connection, known)
        standing = {customer_id: self._standing(each) for customer_id, each in known.items()}
        saying: dict[Tracker, tuple[int, tuple[LimitSpan, ...]]] = {}
        for customer_id, (revision, stand) in standing.items():
            changed = changed_limits(told.get(customer_id, {}), stand)
            saying.update({tracker: (revision, spans) for tracker, spans in changed.items()})
        await self._metering.set_limits(saying)
        await self._keep(taken, standing, told)
        return True

    def _standing(self, known: Known) -> Stand:
        control = known.control
        now = self._clock.now() if control.clock is None else control.clock.time
        return max(control.revision, control.plan_revision), limits_of(control, now=now)

    async def _keep(self, taken: Mapping[str, int], standing: Mapping[str, Stand], told: Mapping[str, Limits]) -> None:
        news = {customer_id: stand for customer_id, stand in standing.items() if told.get(customer_id, {}) != stand[1]}
        async with self._database.write() as connection:
            await limits.keep_told(connection, news)
            # A customer that is not known here yet is looked for again.
            await limits.done(connection, {customer_id: taken[customer_id] for customer_id in standing})

    async def _sweep(self) -> bool:
        async with self._database.write() as connection:
            return await limits.sweep(connection, most=MOST_SWEPT)
