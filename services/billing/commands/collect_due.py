"""Collects what is due: open attempts are asked for, failed payments tried again, and what waited too long lapses.

For real-time customers it is a worker, of which any number may run; on a test clock each is done at its boundary.
"""

import asyncio
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.ask_provider import LEASE, AskProvider
from billing.commands.new_attempts import new_attempt
from billing.commands.payment_consequences import Consequences
from billing.commands.plans import Plans
from billing.domain.collection import CollectionTerms
from billing.domain.invoice import InvoiceState
from billing.domain.subscription import Subscription
from billing.store import collectible, customers, invoices, payment_attempts, revisions, subscriptions
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox

# One round's work; what is left is done in the next, at once.
_BATCH = 50


class CollectDue:
    """Finds what is due, and does it."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        ask: AskProvider,
        *,
        plans: Plans,
        provider_name: str,
        terms: CollectionTerms,
        real_time: Clock,
        poll_seconds: float,
    ) -> None:
        self.database = database
        self.terms = terms
        self._outbox = outbox
        self._plans = plans
        self._ask = ask
        self._provider_name = provider_name
        self._clock = real_time
        self._poll_seconds = poll_seconds

    async def run(self) -> None:
        """Collects what is due of real-time customers, and asks for open attempts of all, until canceled."""
        while True:
            while await self.collect_batch():
                pass
            await asyncio.sleep(self._poll_seconds)

    async def collect_batch(self) -> bool:
        """One round; whether anything was due, so that more may be."""
        now = self._clock.now()
        retried = await self.begin_retries(None, now)
        asked = await self.ask_batch()
        lapsed = await self.let_lapse(None, now)
        return retried or asked or lapsed

    async def ask_batch(self) -> bool:
        """Asks for open attempts whose time has come, and which nobody else asks for; whether there were any."""
        now = self._clock.now()
        async with self.database.write() as connection:
            claimed = await payment_attempts.lease_due(connection, now, lease=LEASE, limit=_BATCH)
        await self._ask.each(claimed)
        return bool(claimed)

    async def begin_retries(self, test_clock_id: str | None, now: datetime) -> bool:
        """Makes new attempts for invoices whose time has come; whether there were any."""
        async with self.database.read() as connection:
            due = await collectible.due_invoices(connection, test_clock_id, now, _BATCH)
        begun = [await self._retry(invoice_id, now) for invoice_id in due]
        return any(begun)

    async def _retry(self, invoice_id: str, now: datetime) -> bool:
        async with self.database.write() as connection:
            found = await invoices.get(connection, invoice_id)
            if found is None:
                return False
            [customer] = await customers.get_many(connection, [found.customer_id], lock=True)
            # Another worker, or a call, may have been here before.
            invoice = await invoices.get(connection, invoice_id, lock=True) or found
            time, state = invoice.next_attempt_time, invoice.state
            running = await payment_attempts.open_of_invoice(connection, invoice_id)
            if time is None or time > now or state is not InvoiceState.OPEN or running is not None:
                return False
            attempt_revision, revision = await revisions.take_many(connection, 2)
            await invoices.save_payment(connection, replace(invoice, next_attempt_time=None, revision=revision))
            # Somebody who pays otherwise by now is not charged any more.
            if customer.automatic:
                attempt = new_attempt(
                    invoice, customer, self._provider_name, scheduled=True, now=now, revision=attempt_revision
                )
                made = self._clock.now()
                rows = [(attempt, customer.test_clock_id)]
                await payment_attempts.add_all(connection, rows, made_time=made, ask_time=made)
            return True

    async def let_lapse(self, test_clock_id: str | None, now: datetime) -> bool:
        """Ends the wait for payments that did not come in time: of new subscriptions, and of changes; whether there were any."""
        since = now - self.terms.first_payment_limit
        async with self.database.read() as connection:
            unpaid = await collectible.unpaid_subscriptions(connection, test_clock_id, since, _BATCH)
            changes = await collectible.undecided_changes(connection, test_clock_id, since, _BATCH)
        lapsed = [await self._lapse(subscription_id, now) for subscription_id in (*unpaid, *changes)]
        return any(lapsed)

    async def _lapse(self, subscription_id: str, now: datetime) -> bool:
        since = now - self.terms.first_payment_limit
        async with self.database.write() as connection:
            found = await subscriptions.get(connection, subscription_id)
            if found is None:
                return False
            [customer] = await customers.get_many(connection, [found.customer_id], lock=True)
            subscription = await subscriptions.get(connection, subscription_id, lock=True) or found
            invoice_id = await _waited_for(connection, subscription, since)
            invoice = None if invoice_id is None else await invoices.get(connection, invoice_id, lock=True)
            if invoice is None:
                return False
            follow = Consequences(connection, self._outbox, self._plans, customer, now)
            if invoice.state is InvoiceState.OPEN:
                await follow.voided(invoice)
            else:
                await follow.settled(invoice)
            return True


async def _waited_for(connection: AsyncConnection, subscription: Subscription, since: datetime) -> str | None:
    """The invoice that the subscription has waited for since then or longer, or None."""
    pending = subscription.pending
    if pending is not None:
        return pending.invoice_id if pending.create_time <= since else None
    if subscription.pending_since is None or subscription.pending_since > since:
        return None
    return await collectible.invoice_of_first_payment(connection, subscription.id)
