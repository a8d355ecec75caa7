"""Corrects an issued invoice by a credit note, or shows the note that would be."""

from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands import once
from billing.commands.balance import change_balance
from billing.commands.load_invoice import LoadedInvoice, load_invoice
from billing.commands.payment_consequences import Consequences
from billing.commands.plans import Plans
from billing.commands.tokens import customer_token, subscription_token
from billing.domain.credit_note import Correction, CreditNote, credit_note, note_entry
from billing.domain.customer import Customer
from billing.domain.invoice import AccountKey, Invoice, InvoiceState
from billing.messages.credit_note import credit_note_to_proto
from billing.messages.invoice import invoice_to_proto
from billing.messages.request_key import RequestKey
from billing.store import credit_notes, document_numbers, invoices, revisions, subscriptions
from billing.store.document_numbers import DocumentKind
from billing.store.invoices import Asked
from kernel.clock import Clock
from kernel.ids import new_id
from kernel.money import Money
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.billing.v1.invoice_service_pb2 import IssueCreditNoteResponse as Response


@dataclass(frozen=True, slots=True)
class _Corrected:
    """A note, with the invoice before and after it."""

    note: CreditNote
    before: Invoice
    after: Invoice

    @property
    def is_paid_by_it(self) -> bool:
        """Whether nothing is left to pay any more."""
        return self.after.state is InvoiceState.PAID and self.before.state is not InvoiceState.PAID


class IssueCreditNote:
    """Credit notes of a customer follow one another under its lock, so that together they never take back too much."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock, plans: Plans) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._plans = plans

    async def __call__(self, asked: Correction, key: RequestKey | None) -> Response:
        """The note, and the invoice after it.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_OPEN`; `CREDIT_NOTE_INVALID`; `TEST_CLOCK_ADVANCING`;
                `REQUEST_ID_REUSED`.
        """
        return await once.run(self._database, key, Response, partial(self._correct_and_issue, asked))

    async def _correct_and_issue(self, asked: Correction, connection: AsyncConnection) -> Response:
        loaded = await load_invoice(connection, asked.invoice_id, clock=self._clock, lock=True)
        revision = await revisions.take(connection)
        made = await self._correct(connection, loaded, asked, revision=revision, id=new_id("cn"))
        if made.after is not made.before:
            await invoices.save_payment(connection, made.after)
        if made.is_paid_by_it:
            follow = Consequences(connection, self._outbox, self._plans, loaded.customer, loaded.now)
            await follow.settled(made.after)
        made, customer = await self._issue(connection, made, loaded.customer)
        response = _response(made)
        response.token = await self._token(connection, made, customer)
        return response

    async def preview(self, asked: Correction) -> Response:
        """The note that would be, without its id, number and revision; nothing is stored.

        Raises:
            TollkeeperError: As the execution.
        """
        async with self._database.read() as connection:
            loaded = await load_invoice(connection, asked.invoice_id, clock=self._clock, lock=False)
            made = await self._correct(connection, loaded, asked, revision=0, id="")
        # The invoice is not changed: it keeps its revision.
        return _response(replace(made, after=replace(made.after, revision=made.before.revision)))

    async def _correct(
        self, connection: AsyncConnection, loaded: LoadedInvoice, asked: Correction, *, revision: int, id: str
    ) -> _Corrected:
        invoice = loaded.invoice
        credited = await credit_notes.credited(connection, invoice.id, invoice.settlement.total.currency)
        kept = await self._kept(connection, invoice)
        note, after = credit_note(
            invoice, asked, credited=credited, kept=kept, id=id, now=loaded.now, revision=revision
        )
        return _Corrected(note, invoice, after)

    async def _kept(self, connection: AsyncConnection, invoice: Invoice) -> dict[int, Money]:
        """What is left of all that each line's item was charged in its period, on this invoice and on others."""
        if invoice.subscription_id is None:
            return {}
        left: dict[AccountKey, Money] = {}
        zero = Money.zero(invoice.settlement.total.currency)
        for number in sorted({line.period_number for line in invoice.lines}):
            asked = Asked(invoice.subscription_id, number, number, whole=True)
            account = (await invoices.accounts(connection, [asked])).get(invoice.subscription_id)
            for line in () if account is None else account.lines:
                paid = line.amount - Money(line.taken_back, line.amount.currency)
                left[line.account] = left.get(line.account, zero) + paid
        return {i: left[line.account] for i, line in enumerate(invoice.lines) if line.account in left}

    async def _issue(
        self, connection: AsyncConnection, made: _Corrected, customer: Customer
    ) -> tuple[_Corrected, Customer]:
        """Numbers, stores and announces the note: the last thing in the transaction."""
        revision = await revisions.take(connection)
        [number] = await document_numbers.take(connection, DocumentKind.CREDIT_NOTE, 1)
        note = replace(made.note, number=number)
        await credit_notes.add(connection, note)
        invoice = invoice_to_proto(made.after)
        issued = events.CreditNoteIssued(credit_note=credit_note_to_proto(note), invoice=invoice)
        await self._outbox.put(connection, "credit_note", "issued", id=note.id, event=issued)
        if made.is_paid_by_it:
            paid = events.InvoicePaid(invoice=invoice)
            await self._outbox.put(connection, "invoice", "paid", id=made.after.id, event=paid)
        entry = note_entry(note, id=new_id("cre"), revision=revision)
        if entry is not None:
            customer = await change_balance(connection, self._outbox, customer, entry=entry, revision=revision)
        return replace(made, note=note), customer

    async def _token(self, connection: AsyncConnection, made: _Corrected, customer: Customer) -> str:
        subscription_id = made.after.subscription_id
        if made.is_paid_by_it and subscription_id is not None:
            subscription = await subscriptions.get(connection, subscription_id)
            if subscription is not None:
                return subscription_token(subscription, customer)
        return customer_token(customer)


def _response(made: _Corrected) -> Response:
    return Response(credit_note=credit_note_to_proto(made.note), invoice=invoice_to_proto(made.after))
