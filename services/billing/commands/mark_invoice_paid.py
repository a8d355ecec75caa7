"""Records that an invoice was paid outside Tollkeeper."""

from billing.commands.customer_time import present
from billing.commands.payments import store_payment
from billing.commands.plans import Plans
from billing.domain.invoice import Invoice, InvoiceState, invoice_not_found, mark_paid
from billing.store import invoices, revisions
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox


class MarkInvoicePaid:
    """Marks an open or uncollectible invoice paid and announces it; a paid one is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock, plans: Plans) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._plans = plans

    async def __call__(self, invoice_id: str) -> Invoice:
        """The invoice, paid.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_OPEN`; `TEST_CLOCK_ADVANCING`.
        """
        async with self._database.write() as connection:
            invoice = await invoices.get(connection, invoice_id)
            if invoice is None:
                raise invoice_not_found(invoice_id)
            if invoice.state is InvoiceState.PAID:
                return invoice
            here = await present(connection, invoice.customer_id, clock=self._clock, lock=True)
            # Payments of a customer follow one another under its lock: read what the one before left.
            invoice = await invoices.get(connection, invoice_id) or invoice
            paid = mark_paid(invoice, here.now, revision=await revisions.take(connection))
            if paid is not invoice:
                await store_payment(connection, self._outbox, self._plans, paid)
            return paid
