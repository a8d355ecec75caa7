"""What a payment makes of an invoice and its subscription, in one transaction with the events of both."""

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.plans import Plans
from billing.commands.settle_changes import store_changes
from billing.domain.charging import Change
from billing.domain.invoice import Invoice, InvoiceReason
from billing.domain.payment_effects import payment_succeeded
from billing.messages.invoice import invoice_to_proto
from billing.store import invoices, revisions, subscriptions
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2


async def store_payment(connection: AsyncConnection, outbox: Outbox, plans: Plans, paid: Invoice) -> None:
    """Stores an invoice that was paid just now, and what its payment makes of its subscription; the customer is locked."""
    await invoices.save_payment(connection, paid)
    event = billing_events_pb2.InvoicePaid(invoice=invoice_to_proto(paid))
    await outbox.put(connection, "invoice", "paid", id=paid.id, event=event)
    if paid.subscription_id is None:
        return
    subscription = await subscriptions.get(connection, paid.subscription_id, lock=True)
    if subscription is None:
        raise LookupError(paid.subscription_id)
    after = payment_succeeded(
        subscription,
        paid.id,
        others_failed=await invoices.others_failed(connection, subscription.id, paid.id),
        revision=await revisions.take(connection),
    )
    if after is subscription or paid.finalize_time is None:
        return
    terms = await plans.terms_of(connection, subscription.plan_keys() | after.plan_keys())
    at = paid.paid_time or paid.finalize_time
    change = Change(subscription, after, (), InvoiceReason.CHANGE, at, after.period_number)
    await store_changes(connection, outbox, [change], terms)
