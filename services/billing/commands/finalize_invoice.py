"""Finalizes a draft: number, credit, and the payment where one must be asked for."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.balance import change_balance
from billing.commands.collecting import Collecting
from billing.commands.load_invoice import load_invoice
from billing.commands.settle_changes import invoice_events
from billing.domain.credit import invoice_entry
from billing.domain.customer import Customer
from billing.domain.invoice import Invoice, InvoiceState, finalize
from billing.domain.manual_invoice import settled_by
from billing.store import document_numbers, drafts, invoices, revisions
from billing.store.document_numbers import DocumentKind
from kernel.clock import Clock
from kernel.ids import new_id
from kit.db import Database
from kit.outbox import Outbox


class FinalizeInvoice:
    """Issues a draft in one transaction, and collects it after that."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock, collection: Collecting) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._collection = collection

    async def __call__(self, invoice_id: str) -> Invoice:
        """The invoice, after its payment was asked for; as it is, where it was finalized before.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `TEST_CLOCK_ADVANCING`; `PROVIDER_NOT_CONFIGURED` and `PAYMENT_METHOD_MISSING`
                where money is to be collected that cannot be.
        """
        async with self._database.write() as connection:
            loaded = await load_invoice(connection, invoice_id, clock=self._clock, lock=True)
            if loaded.invoice.state is not InvoiceState.DRAFT:
                return loaded.invoice
            ready = settled_by(loaded.invoice, loaded.customer)
            if ready.settlement.amount_due.amount:
                self._collection.check(loaded.customer)
            invoice, customer = await self._issue(connection, ready, loaded.customer, now=loaded.now)
            payable = [(customer, invoice)] if invoice.state is InvoiceState.OPEN else []
            attempts = await self._collection.begin(connection, payable, now=loaded.now) if payable else ()
        if not attempts:
            return invoice
        await self._collection.ask(attempts)
        async with self._database.read() as connection:
            return await invoices.get(connection, invoice_id) or invoice

    async def _issue(
        self, connection: AsyncConnection, ready: Invoice, customer: Customer, *, now: datetime
    ) -> tuple[Invoice, Customer]:
        customer_revision, revision = await revisions.take_many(connection, 2)
        [number] = await document_numbers.take(connection, DocumentKind.INVOICE, 1)
        invoice = finalize(ready, now, number=number, revision=revision)
        await drafts.issue(connection, invoice)
        entry = invoice_entry(invoice, id=new_id("cre"))
        if entry is not None:
            customer = await change_balance(connection, self._outbox, customer, entry=entry, revision=customer_revision)
        await self._outbox.put_all(connection, list(invoice_events([invoice])))
        return invoice, customer
