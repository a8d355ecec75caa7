"""Issues invoices: settles them with the customers' credit, numbers them, and announces them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.customer import Customer, change_credit
from billing.domain.invoice import Invoice, InvoiceState, finalize
from billing.domain.lifecycle import Change, draft_invoice
from billing.messages.customer import customer_to_proto
from billing.messages.invoice import invoice_to_proto
from billing.store import credit, customers, invoices, revisions
from kernel.ids import new_id
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events


@dataclass(frozen=True, slots=True)
class Issued:
    """What became of changes.

    Attributes:
        invoices: By subscription id; none for a change without lines.
        customers: All that were given, by id, as they are now.
    """

    invoices: Mapping[str, Invoice]
    customers: Mapping[str, Customer]


async def issue(
    connection: AsyncConnection,
    outbox: Outbox,
    *,
    changes: Sequence[Change],
    payers: Sequence[Customer],
    now: datetime,
) -> Issued:
    """Issues the invoices of stored changes, in their order; the payers are locked. The last thing in a transaction."""
    before = {customer.id: customer for customer in payers}
    held = dict(before)
    drafts = []
    for change in changes:
        if change.lines:
            customer = held[change.subscription.customer_id]
            draft = draft_invoice(change, customer)
            drafts.append(draft)
            held[customer.id] = change_credit(customer, draft.settlement.credit_change, revision=customer.revision)
    if not drafts:
        return Issued({}, before)
    changed = [customer for customer in held.values() if customer != before[customer.id]]
    taken = await revisions.take_many(connection, len(changed) + len(drafts))
    changed = [replace(customer, revision=taken.pop(0)) for customer in changed]
    for customer in changed:
        await customers.save(connection, customer)
        await credit.save_balances(connection, before[customer.id], customer)
    numbers = await invoices.take_numbers(connection, len(drafts))
    issued = [
        finalize(draft, now, id=new_id("inv"), number=number, revision=revision)
        for draft, number, revision in zip(drafts, numbers, taken, strict=True)
    ]
    await invoices.add_all(connection, issued)
    await credit.add_entries(connection, issued)
    await outbox.put_all(connection, [*_customer_events(changed), *_invoice_events(issued)])
    by_subscription = {invoice.subscription_id: invoice for invoice in issued}
    return Issued(by_subscription, held | {customer.id: customer for customer in changed})


def _customer_events(customers: Sequence[Customer]) -> Iterator[tuple[str, str, str, Message]]:
    for customer in customers:
        yield "customer", "updated", customer.id, events.CustomerUpdated(customer=customer_to_proto(customer))


def _invoice_events(issued: Sequence[Invoice]) -> Iterator[tuple[str, str, str, Message]]:
    for invoice in issued:
        message = invoice_to_proto(invoice)
        yield "invoice", "finalized", invoice.id, events.InvoiceFinalized(invoice=message)
        if invoice.state is InvoiceState.PAID:
            yield "invoice", "paid", invoice.id, events.InvoicePaid(invoice=message)
