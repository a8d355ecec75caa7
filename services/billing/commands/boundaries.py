"""Crosses boundaries: a start, the end of a trial or of a period, a scheduled end.

Load → ask metering once for the whole batch → one transaction that looks again and writes. What somebody else did meanwhile is
left alone, so that any number of workers, commands and test clocks may try.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.clients.metering import Metering
from billing.commands.collecting import Collecting
from billing.commands.ledgers import Ledgers, ask_usage, read_boundary_ledgers
from billing.commands.plans import Plans
from billing.commands.settle_changes import settle_changes
from billing.domain.boundary import cross
from billing.domain.charging import Change
from billing.store import customers, invoices, revisions, subscriptions
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database
from kit.outbox import Outbox

log = structlog.get_logger()

# One transaction's work: large enough that its fixed cost is spread, small enough that its locks are short.
BATCH = 250


class Boundaries:
    """Crosses due boundaries."""

    def __init__(
        self, database: Database, outbox: Outbox, *, metering: Metering, plans: Plans, collection: Collecting
    ) -> None:
        self._database = database
        self._plans = plans
        self._outbox = outbox
        self._metering = metering
        self._collection = collection

    async def cross(self, subscription_ids: Sequence[str], *, now: datetime) -> None:
        """Crosses, for each that is due, one boundary, all in one transaction. At most `BATCH`.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`; nothing was done.
        """
        async with self._database.read() as connection:
            found = await subscriptions.get_many(connection, subscription_ids)
            due = [subscription for subscription in found if subscription.due(now)]
            ledgers = await read_boundary_ledgers(connection, self._plans, due)
        if not due:
            return
        steps = [cross(subscription, revision=subscription.revision) for subscription in due]
        answers = await ask_usage(self._metering, ledgers.questions(steps))
        changes = [ledgers.charge(step, answers) for step in steps]
        async with self._database.write() as connection:
            await self._write(connection, changes, ledgers=ledgers, now=now)

    async def cross_each(self, subscription_ids: Sequence[str], *, now: datetime) -> list[Exception]:
        """As `cross`, but a fault of one holds up nothing else; gives the faults.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: it is nobody's fault; what was done stays done.
        """
        fault = await self._attempt(subscription_ids, now)
        if fault is None or len(subscription_ids) == 1:
            return [] if fault is None else [fault]
        log.warning("boundary_batch_redone", size=len(subscription_ids), error=repr(fault))
        # In halves: whoever is faulty is found in few steps, and the others still travel together.
        half = len(subscription_ids) // 2
        faults = await self.cross_each(subscription_ids[:half], now=now)
        return faults + await self.cross_each(subscription_ids[half:], now=now)

    async def _attempt(self, subscription_ids: Sequence[str], now: datetime) -> Exception | None:
        try:
            await self.cross(subscription_ids, now=now)
        except Exception as error:
            if _is_away(error):
                raise
            log.exception("boundary_failed", subscription_ids=subscription_ids)
            return error
        return None

    async def catch_up(self, subscription_id: str, *, now: datetime) -> None:
        """Crosses all boundaries of a subscription until now, in order.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`; the boundaries before the one that failed are crossed.
        """
        while True:
            async with self._database.read() as connection:
                subscription = await subscriptions.get(connection, subscription_id)
            if subscription is None or not subscription.due(now):
                return
            await self.cross([subscription_id], now=now)

    async def _write(
        self, connection: AsyncConnection, changes: Sequence[Change], *, ledgers: Ledgers, now: datetime
    ) -> None:
        customer_ids = {change.subscription.customer_id for change in changes}
        payers = await customers.get_many(connection, sorted(customer_ids), lock=True)
        known = {change.subscription.id: change.subscription.revision for change in changes}
        unchanged = await subscriptions.lock_unchanged(connection, known)
        # Lines change with the subscription's revision, or with an invoice that becomes void or is credited.
        stale = await invoices.stale_among(connection, ledgers.invoice_ids, ledgers.note_ids)
        valid = [
            one for one in changes if one.subscription.id in unchanged and ledgers.hold(one.subscription.id, stale)
        ]
        if not valid:
            return
        taken = await revisions.take_many(connection, len(valid))
        await settle_changes(
            connection,
            self._outbox,
            collection=self._collection,
            changes=[
                replace(one, subscription=replace(one.subscription, revision=revision))
                for one, revision in zip(valid, taken, strict=True)
            ],
            payers=payers,
            terms=ledgers.terms,
            now=now,
        )


def _is_away(error: Exception) -> bool:
    """Whether what every boundary needs cannot be reached. (A lost database has no error state, a fault in it has one.)"""
    match error:
        case TollkeeperError():
            return error.kind is ErrorKind.UNAVAILABLE
        case DBAPIError():
            return getattr(error.orig, "sqlstate", None) is None
        case _:
            return isinstance(error, PoolTimeoutError)
