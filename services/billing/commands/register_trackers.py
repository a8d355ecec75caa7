"""Makes metering count what a subscription is billed for."""

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from billing.clients.metering import Metering
from billing.commands.plans import Plans
from billing.domain.usage import tracked_series
from billing.store import subscriptions, tracker_registrations
from kernel.errors import TollkeeperError
from kit.db import Database
from kit.deadline import DEFAULT_SECONDS
from kit.errors import RemoteRefusal

log = structlog.get_logger()

# Subscriptions a round: with a few charges each they fit into one call.
_BATCH = 100
# What a caller who provisions waits for metering at most; the worker goes on then.
_PATIENCE_SECONDS = 2.0


class RegisterTrackers:
    """Finishes what provisioning noted: at once where metering answers, else as a worker, until it is done."""

    def __init__(self, database: Database, metering: Metering, *, plans: Plans, poll_seconds: float) -> None:
        self._database = database
        self._plans = plans
        self._metering = metering
        self._poll_seconds = poll_seconds

    async def try_now(self, subscription_id: str) -> None:
        """Registers a subscription's trackers, or leaves them to the worker: what was stored stays so."""
        try:
            await self._register([subscription_id], limit=_PATIENCE_SECONDS)
        except (TollkeeperError, RemoteRefusal, SQLAlchemyError) as error:
            log.warning("trackers_wait", subscription_id=subscription_id, error=str(error))

    async def run(self) -> None:
        """Registers what waits, until canceled."""
        while True:
            await self.register_waiting()
            await asyncio.sleep(self._poll_seconds)

    async def register_waiting(self) -> None:
        """Registers what waits now; what metering refuses waits on, and holds up nothing else."""
        async with self._database.read() as connection:
            waiting = await tracker_registrations.some(connection, _BATCH)
        if not waiting:
            return
        try:
            await self._register(waiting)
        except RemoteRefusal:
            for subscription_id in waiting:
                await self.try_now(subscription_id)
        except TollkeeperError as error:
            log.warning("trackers_wait", subscriptions=len(waiting), error=str(error))

    async def _register(self, subscription_ids: Sequence[str], *, limit: float = DEFAULT_SECONDS) -> None:
        async with self._database.read() as connection:
            found = await subscriptions.get_many(connection, subscription_ids)
            terms = await self._plans.terms_of(connection, {one.holding.plan_key for one in found})
        tracked = [one for subscription in found if subscription.live for one in tracked_series(subscription, terms)]
        await self._metering.register(tracked, limit=limit)
        async with self._database.write() as connection:
            await tracker_registrations.settle(connection, subscription_ids)
