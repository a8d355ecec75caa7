"""Ends an invoice by hand: paid outside Tollkeeper, taken back, or given up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from billing.commands.customer_time import present
from billing.commands.payment_consequences import Consequences
from billing.commands.plans import Plans
from billing.domain.invoice import Invoice, InvoiceState, invoice_not_found, not_open
from billing.domain.subscription import SubscriptionState
from billing.store import invoices, subscriptions
from kernel.clock import Clock
from kernel.errors import precondition
from kit.db import Database
from kit.outbox import Outbox


class EndInvoice:
    """Doing the same again changes nothing; attempts that are open are called off by a worker."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock, plans: Plans) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._plans = plans

    async def mark_paid(self, invoice_id: str) -> Invoice:
        """The invoice, paid; what waited for its payment happens.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_OPEN`; `TEST_CLOCK_ADVANCING`.
        """
        async with self._locked(invoice_id) as (invoice, follow):
            if invoice.state is InvoiceState.PAID:
                return invoice
            if invoice.state not in {InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE}:
                raise not_open(invoice)
            return await follow.paid(invoice, invoice.amount_remaining)

    async def void(self, invoice_id: str) -> Invoice:
        """The invoice, taken back; see `Consequences.voided`.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_OPEN`; `TEST_CLOCK_ADVANCING`.
        """
        async with self._locked(invoice_id) as (invoice, follow):
            return await follow.voided(invoice)

    async def mark_uncollectible(self, invoice_id: str) -> Invoice:
        """The invoice, given up.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_OPEN`; `TEST_CLOCK_ADVANCING`; `CHANGE_PENDING`: what it charges
                for has not happened, so it can only be paid or void.
        """
        async with self._locked(invoice_id) as (invoice, follow):
            if invoice.subscription_id is not None:
                await _check_not_waited_for(follow, invoice, invoice.subscription_id)
            return await follow.given_up(invoice)

    @asynccontextmanager
    async def _locked(self, invoice_id: str) -> AsyncIterator[tuple[Invoice, Consequences]]:
        async with self._database.write() as connection:
            found = await invoices.get(connection, invoice_id)
            if found is None:
                raise invoice_not_found(invoice_id)
            here = await present(connection, found.customer_id, clock=self._clock, lock=True)
            # What befalls a customer's invoices follows one another under its lock: read what the one before left.
            invoice = await invoices.get(connection, invoice_id, lock=True) or found
            yield invoice, Consequences(connection, self._outbox, self._plans, here.customer, here.now)


async def _check_not_waited_for(follow: Consequences, invoice: Invoice, subscription_id: str) -> None:
    subscription = await subscriptions.get(follow.connection, subscription_id, lock=True)
    if subscription is None:
        return
    pending = subscription.pending
    begins = subscription.state is SubscriptionState.PENDING_PAYMENT
    if begins or (pending is not None and pending.invoice_id == invoice.id):
        raise precondition(
            "CHANGE_PENDING",
            f"The subscription {subscription_id} waits for the payment of this invoice: pay it, or void it.",
            subscription_id=subscription_id,
            invoice_id=invoice.id,
        ).at("invoice_id")
