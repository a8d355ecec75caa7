"""Stores what became of subscriptions: their new states, the invoices that charge for it, and the events of both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.collecting import Collecting
from billing.domain.charging import Change
from billing.domain.credit import invoice_entry
from billing.domain.customer import Customer, change_credit
from billing.domain.invoice import Invoice, InvoiceReason, InvoiceState, finalize
from billing.domain.invoicing import awaiting, draft_invoice, waits
from billing.domain.plan_terms import Terms
from billing.domain.subscription import Subscription, SubscriptionState, subscription_id_taken
from billing.domain.usage import tracked_series
from billing.messages.customer import customer_to_proto
from billing.messages.invoice import fill_invoice
from billing.messages.subscription import subscription_to_proto
from billing.store import credit, customers, document_numbers, invoices, revisions, subscriptions, tracker_registrations
from billing.store.document_numbers import DocumentKind
from kernel.ids import new_id
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events

_Event = tuple[str, str, str, Message]

# By past participle.
_EVENTS: Final = {
    "provisioned": events.SubscriptionProvisioned,
    "activated": events.SubscriptionActivated,
    "trial_ended": events.SubscriptionTrialEnded,
    "updated": events.SubscriptionUpdated,
    "renewed": events.SubscriptionRenewed,
    "past_due": events.SubscriptionPastDue,
    "canceled": events.SubscriptionCanceled,
    "expired": events.SubscriptionExpired,
}


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of changes.

    Attributes:
        subscriptions: As stored, by id.
        invoices: By subscription id; none for a change without lines.
        customers: All that were given, by id, as they are now.
        tracked: The subscriptions of which metering must count something anew.
        attempts: To collect, once the transaction is committed.
    """

    subscriptions: Mapping[str, Subscription]
    invoices: Mapping[str, Invoice]
    customers: Mapping[str, Customer]
    tracked: frozenset[str]
    attempts: tuple[str, ...]


async def settle_changes(
    connection: AsyncConnection,
    outbox: Outbox,
    *,
    collection: Collecting,
    changes: Sequence[Change],
    payers: Sequence[Customer],
    terms: Terms,
    now: datetime,
) -> Settled:
    """Stores changes of subscriptions, at most one of each, in their order; subscriptions and payers are locked.

    The last thing in a transaction.

    Raises:
        TollkeeperError: `SUBSCRIPTION_ID_TAKEN`, for a new one whose id somebody took meanwhile.
    """
    before = {customer.id: customer for customer in payers}
    held, drafts, stored = dict(before), [], []
    for asked in changes:
        change = asked
        if change.lines:
            customer = held[change.subscription.customer_id]
            draft = replace(draft_invoice(change, customer, now), id=new_id("inv"))
            if waits(change, draft, customer):
                change = awaiting(change, draft)
            drafts.append(draft)
            held[customer.id] = change_credit(customer, draft.settlement.credit_change, revision=customer.revision)
        if change.changes:
            stored.append(change)
    tracked = await _store(connection, stored, terms)
    announced = [_event(change) for change in stored]
    issued, after = await _issue(connection, drafts, before=before, held=held, now=now)
    changed = [customer for customer in after.values() if customer is not before[customer.id]]
    await outbox.put_all(connection, [*announced, *_customer_events(changed), *invoice_events(issued)])
    payable = [(after[one.customer_id], one) for one in issued if one.state is InvoiceState.OPEN]
    attempts = await collection.begin(connection, payable, now=now) if payable else ()
    return Settled(
        subscriptions={change.subscription.id: change.subscription for change in (*changes, *stored)},
        invoices={invoice.subscription_id: invoice for invoice in issued if invoice.subscription_id is not None},
        customers=after,
        tracked=tracked,
        attempts=attempts,
    )


async def store_changes(connection: AsyncConnection, outbox: Outbox, changes: Sequence[Change], terms: Terms) -> None:
    """Stores and announces subscriptions as they became; what metering must count anew is noted."""
    await _store(connection, changes, terms)
    await outbox.put_all(connection, [_event(change) for change in changes])


async def _store(connection: AsyncConnection, changes: Sequence[Change], terms: Terms) -> frozenset[str]:
    """Stores subscriptions; the ids of those of which metering must count something anew, which is noted."""
    changed = [change.subscription for change in changes if change.before is not None]
    if changed:
        await subscriptions.save_all(connection, changed)
    tracked = frozenset(change.subscription.id for change in changes if _tracks_anew(change, terms))
    for change in changes:
        if change.before is None and not await subscriptions.add(connection, change.subscription):
            raise subscription_id_taken(change.subscription.id)
        if change.subscription.id in tracked:
            await tracker_registrations.add(connection, change.subscription.id)
    return tracked


def _tracks_anew(change: Change, terms: Terms) -> bool:
    """Whether metering must count something that it did not count for the subscription before."""
    before, after = change.before, change.subscription
    if not after.live:
        return False
    if before is not None and before.holding == after.holding and before.anchor_time == after.anchor_time:
        return False
    tracked = tracked_series(after, terms)
    return bool(tracked) and (before is None or tracked != tracked_series(before, terms))


async def _issue(
    connection: AsyncConnection,
    drafts: Sequence[Invoice],
    *,
    before: Mapping[str, Customer],
    held: Mapping[str, Customer],
    now: datetime,
) -> tuple[list[Invoice], dict[str, Customer]]:
    if not drafts:
        return [], dict(before)
    changed = [customer for customer in held.values() if customer != before[customer.id]]
    taken = await revisions.take_many(connection, len(changed) + len(drafts))
    changed = [replace(customer, revision=taken.pop(0)) for customer in changed]
    for customer in changed:
        await customers.save(connection, customer)
        await credit.save_balances(connection, before[customer.id], customer)
    numbers = await document_numbers.take(connection, DocumentKind.INVOICE, len(drafts))
    issued = [
        finalize(draft, now, number=number, revision=revision)
        for draft, number, revision in zip(drafts, numbers, taken, strict=True)
    ]
    clocks = {customer.id: customer.test_clock_id for customer in held.values()}
    await invoices.add_all(connection, issued, clocks)
    entries = [invoice_entry(invoice, id=new_id("cre")) for invoice in issued]
    await credit.add_entries(connection, [entry for entry in entries if entry is not None])
    return issued, {**held, **{customer.id: customer for customer in changed}}


def _customer_events(customers: Sequence[Customer]) -> Iterator[_Event]:
    for customer in customers:
        yield "customer", "updated", customer.id, events.CustomerUpdated(customer=customer_to_proto(customer))


def invoice_events(issued: Sequence[Invoice]) -> Iterator[_Event]:
    """What is announced of invoices that were just finalized."""
    for invoice in issued:
        finalized = events.InvoiceFinalized()
        fill_invoice(finalized.invoice, invoice)
        yield "invoice", "finalized", invoice.id, finalized
        if invoice.state is InvoiceState.PAID:
            yield "invoice", "paid", invoice.id, events.InvoicePaid(invoice=finalized.invoice)


def _event(change: Change) -> _Event:
    after, name = change.subscription, _event_name(change)
    return "subscription", name, after.id, _EVENTS[name](subscription=subscription_to_proto(after))


def _event_name(change: Change) -> str:
    after = change.subscription
    if change.before is None:
        return "provisioned"
    if not after.live:
        return "canceled" if after.state is SubscriptionState.CANCELED else "expired"
    if after.state is SubscriptionState.PAST_DUE and change.before.state is not SubscriptionState.PAST_DUE:
        return "past_due"
    if after.access_begun and not change.before.access_begun:
        return "activated"
    if change.before.state is SubscriptionState.TRIALING and after.state is SubscriptionState.ACTIVE:
        # By itself, at somebody's word, or once that was paid for.
        return "trial_ended"
    return "renewed" if change.reason is InvoiceReason.RENEWAL else "updated"
