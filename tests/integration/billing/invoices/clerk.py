"""Somebody in the vendor's finance department: writes invoices by hand, corrects them, grants credit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message
from nats.js.api import ConsumerConfig, DeliverPolicy

from kit.broker import Broker, stream_name
from kit.client import call
from kit.proto import timestamp_to_proto
from tests.integration.billing.world import World
from tollkeeper.billing.v1 import (
    billing_events_pb2,
    credit_note_pb2,
    customer_pb2,
    invoice_pb2,
)
from tollkeeper.billing.v1 import customer_service_pb2 as customer_pb
from tollkeeper.billing.v1 import invoice_service_pb2 as pb
from tollkeeper.common.v1 import money_pb2

# What billing keeps of invoices and credit: a refusal leaves all of it as it was.
_KEPT = (
    "invoice",
    "invoice_line",
    "credit_note",
    "credit_entry",
    "credit_balance",
    "customer",
    "document_counter",
    "request",
)


def money(amount: str, currency: str = "USD") -> money_pb2.Money:
    """An amount as a caller writes it."""
    return money_pb2.Money(currency=currency, amount=amount)


def manual(description: str, unit_price: str, quantity: str = "") -> pb.ManualLine:
    """A line as a caller writes it."""
    return pb.ManualLine(description=description, unit_price=unit_price, quantity=quantity)


def state(invoice: invoice_pb2.Invoice) -> str:
    """How an invoice stands, without the prefix of its enum."""
    return invoice_pb2.InvoiceState.Name(invoice.state).removeprefix("INVOICE_STATE_")


@dataclass(slots=True)
class Clerk:
    """Speaks to a running billing; each call is one of the contract's."""

    world: World

    async def draft(self, customer_id: str, *lines: pb.ManualLine, **more: str) -> invoice_pb2.Invoice:
        """Drafts an invoice; `more` are further fields of the request."""
        request = pb.CreateInvoiceRequest(customer_id=customer_id, lines=lines, **more)
        return (await call(self.world.invoices.CreateInvoice, request)).invoice

    async def rewrite(self, invoice_id: str, *lines: pb.ManualLine) -> invoice_pb2.Invoice:
        """Replaces a draft's lines."""
        request = pb.UpdateInvoiceRequest(invoice_id=invoice_id, lines=lines)
        return (await call(self.world.invoices.UpdateInvoice, request)).invoice

    async def remove(self, invoice_id: str) -> pb.DeleteInvoiceResponse:
        """Throws a draft away."""
        return await call(self.world.invoices.DeleteInvoice, pb.DeleteInvoiceRequest(invoice_id=invoice_id))

    async def finalize(self, invoice_id: str) -> invoice_pb2.Invoice:
        """Finalizes a draft."""
        request = pb.FinalizeInvoiceRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.FinalizeInvoice, request)).invoice

    async def issued(self, customer_id: str, *prices: str, currency: str = "") -> invoice_pb2.Invoice:
        """An invoice with a line of each price."""
        lines = [manual(f"Line {place}", price) for place, price in enumerate(prices)]
        return await self.finalize((await self.draft(customer_id, *lines, currency=currency)).id)

    async def get(self, invoice_id: str) -> invoice_pb2.Invoice:
        """An invoice as it is."""
        return (await call(self.world.invoices.GetInvoice, pb.GetInvoiceRequest(invoice_id=invoice_id))).invoice

    async def listed(self, **filters: object) -> Sequence[invoice_pb2.Invoice]:
        """The invoices that filters let pass; times as datetimes."""
        fields = {
            name: timestamp_to_proto(value) if isinstance(value, datetime) else value for name, value in filters.items()
        }
        request = pb.ListInvoicesRequest(**fields)  # type: ignore[arg-type]  # the request's own fields.
        return (await call(self.world.invoices.ListInvoices, request)).invoices

    async def pay(self, invoice_id: str) -> invoice_pb2.Invoice:
        """Marks an invoice paid."""
        request = pb.MarkInvoicePaidRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.MarkInvoicePaid, request)).invoice

    async def void(self, invoice_id: str) -> invoice_pb2.Invoice:
        """Takes an invoice back."""
        return (await call(self.world.invoices.VoidInvoice, pb.VoidInvoiceRequest(invoice_id=invoice_id))).invoice

    async def give_up(self, invoice_id: str) -> invoice_pb2.Invoice:
        """Marks an invoice uncollectible."""
        request = pb.MarkInvoiceUncollectibleRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.MarkInvoiceUncollectible, request)).invoice

    async def correct(
        self, invoice_id: str, lines: dict[int, str], *, currency: str = "USD", **more: object
    ) -> pb.IssueCreditNoteResponse:
        """Takes amounts back by line; `more` are further fields of the request."""
        fields = {"description": "Sorry"} | more
        request = pb.IssueCreditNoteRequest(
            invoice_id=invoice_id,
            lines=[
                credit_note_pb2.CreditNoteLine(line_index=index, amount=money(amount, currency))
                for index, amount in lines.items()
            ],
            **fields,  # type: ignore[arg-type]  # the request's own fields.
        )
        return await call(self.world.invoices.IssueCreditNote, request)

    async def notes(self, **more: object) -> pb.ListCreditNotesResponse:
        """A page of credit notes; `more` are the fields of the request."""
        request = pb.ListCreditNotesRequest(**more)  # type: ignore[arg-type]  # the request's own fields.
        return await call(self.world.invoices.ListCreditNotes, request)

    async def grant(
        self, customer_id: str, amount: str, *, currency: str = "USD", **more: str
    ) -> customer_pb.GrantCreditResponse:
        """Grants credit; `more` are further fields of the request."""
        request = customer_pb.GrantCreditRequest(customer_id=customer_id, amount=money(amount, currency), **more)
        return await call(self.world.customers.GrantCredit, request)

    async def entries(self, customer_id: str, **more: object) -> customer_pb.ListCreditEntriesResponse:
        """A page of what made a customer's balances; `more` are further fields of the request."""
        request = customer_pb.ListCreditEntriesRequest(customer_id=customer_id, **more)  # type: ignore[arg-type]  # its own fields.
        return await call(self.world.customers.ListCreditEntries, request)

    async def balances(self, customer_id: str) -> dict[str, str]:
        """A customer's credit by currency; asserts that it is what its entries add up to."""
        found = {one.currency: one.amount for one in (await self.world.get_customer(customer_id)).credit_balances}
        strays = await self.world.rows(
            "SELECT customer_id, currency, sum(amount) FROM (SELECT customer_id, currency, amount FROM credit_balance UNION ALL"
            " SELECT customer_id, currency, -amount FROM credit_entry) AS one GROUP BY 1, 2 HAVING sum(amount) <> 0"
        )
        assert strays == []
        return found

    async def kept(self) -> list[tuple[object, ...]]:
        """All that billing keeps of invoices and credit."""
        rows = [await self.world.rows(f"SELECT '{table}', t::text FROM {table} t ORDER BY 2") for table in _KEPT]
        return [row for found in rows for row in found]


async def announced(broker: Broker, *expected: str) -> list[Message]:
    """What was announced after the customers were made; asserts that it is these things and verbs, in this order."""
    subscription = await broker.jetstream.subscribe(
        "tollkeeper.billing.>",
        stream=stream_name("billing"),
        ordered_consumer=True,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
    )
    found: list[tuple[str, Message]] = []
    while len(found) < len(expected):
        message = await subscription.next_msg(timeout=5)
        thing = message.subject.removeprefix("tollkeeper.billing.").rpartition(".")[0]
        if thing not in {"customer.created", "test_clock.created"}:
            type_name = (message.headers or {})["ce-type"].rpartition(".")[2]
            found.append((thing, getattr(billing_events_pb2, type_name).FromString(message.data)))
    await subscription.unsubscribe()
    assert [thing for thing, _ in found] == list(expected)
    return [event for _, event in found]


def balance_of(customer: customer_pb2.Customer) -> list[str]:
    """A customer's credit, in the order of its currencies."""
    return [one.amount for one in customer.credit_balances]
