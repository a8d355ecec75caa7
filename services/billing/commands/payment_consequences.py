"""What a payment, its failure, or the end of asking for it brings about: for the invoice, the subscription, and the customer's credit.

Each is part of a transaction in which the customer is locked, so that what befalls its invoices follows one another.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.plans import Plans
from billing.commands.settle_changes import store_changes
from billing.domain.charging import Change
from billing.domain.collection import CollectionTerms, FinalAction
from billing.domain.collection_effects import after_void, end_now
from billing.domain.customer import Customer, change_credit
from billing.domain.invoice import Invoice, InvoiceReason, InvoiceState
from billing.domain.invoice_ending import credit_for, mark_uncollectible, receive, returned, void
from billing.domain.payment_effects import payment_failed, payment_succeeded
from billing.domain.subscription import Subscription, SubscriptionState
from billing.messages.customer import customer_to_proto
from billing.messages.invoice import invoice_to_proto
from billing.store import collectible, credit, customers, invoices, revisions, subscriptions
from kernel.ids import new_id
from kernel.money import Money
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events

_Effect = Callable[[Subscription, int], Subscription]


@dataclass(frozen=True, slots=True)
class Consequences:
    """What is brought about within one transaction.

    Attributes:
        customer: Locked.
        now: By the customer's clock.
    """

    connection: AsyncConnection
    outbox: Outbox
    plans: Plans
    terms: CollectionTerms
    customer: Customer
    now: datetime

    async def paid(self, invoice: Invoice, money: Money) -> Invoice:
        """Money came. What the invoice does not need, because it was settled meanwhile, becomes the customer's credit."""
        after, excess = receive(invoice, money, now=self.now, revision=await revisions.take(self.connection))
        await self._credit(after, excess, "a payment that it did not need any more")
        if after is invoice:
            return invoice
        await self._save(after, "paid" if after.state is InvoiceState.PAID else "")
        if after.state is InvoiceState.PAID:
            await self.settled(after)
        return after

    async def settled(self, invoice: Invoice) -> None:
        """The invoice needs no payment any more, and its subscription has what was to be paid for."""
        others = await self._others_failed(invoice)
        await self._subscription(
            invoice, lambda one, revision: payment_succeeded(one, invoice.id, others_failed=others, revision=revision)
        )

    async def failed(self, invoice: Invoice) -> Invoice:
        """A payment that the schedule or a command asked for failed; the invoice says when it is tried again.

        A change that waited for it is dropped and its invoice is void; a first payment is not tried again by itself. After the
        last failure follows the configured end.
        """
        subscription = await self._load(invoice)
        if subscription is not None and subscription.pending and subscription.pending.invoice_id == invoice.id:
            return await self.voided(invoice)
        first = await collectible.note_failure(self.connection, invoice.id, self.now)
        if subscription is not None and subscription.state is SubscriptionState.PENDING_PAYMENT:
            return invoice
        following = self.terms.next_attempt_time(first, self.now)
        revision = await revisions.take(self.connection)
        after = replace(invoice, next_attempt_time=following, revision=revision)
        await self._save(after)
        await self._subscription(invoice, lambda one, number: payment_failed(one, invoice, revision=number))
        return after if following is not None else await self._end(after)

    async def _end(self, invoice: Invoice) -> Invoice:
        match self.terms.final_action:
            case FinalAction.CANCEL_SUBSCRIPTION:
                # Usage must be asked for before it ends: whoever crosses boundaries does so at once.
                await self._subscription(invoice, lambda one, number: end_now(one, now=self.now, revision=number))
                return invoice
            case FinalAction.MARK_UNCOLLECTIBLE:
                return await self.given_up(invoice)
            case FinalAction.LEAVE_PAST_DUE:
                return invoice

    async def given_up(self, invoice: Invoice) -> Invoice:
        """Nothing is asked for any more, though it was owed: the invoice is uncollectible.

        Raises:
            TollkeeperError: `INVOICE_NOT_OPEN`.
        """
        revision = await revisions.take(self.connection)
        after = mark_uncollectible(invoice, now=self.now, revision=revision)
        if after is not invoice:
            await self._save(after, "marked_uncollectible")
            await self.settled(after)
        return after

    async def voided(self, invoice: Invoice) -> Invoice:
        """The invoice is taken back, with what it was for: a change is dropped, a subscription not begun expires.

        Raises:
            TollkeeperError: `INVOICE_NOT_OPEN`.
        """
        after = void(invoice, now=self.now, revision=await revisions.take(self.connection))
        if after is invoice:
            return invoice
        await self._save(after, "voided")
        await self._credit(after, returned(invoice), "taken back")
        others = await self._others_failed(invoice)
        await self._subscription(
            invoice,
            lambda one, number: after_void(one, invoice, others_failed=others, now=self.now, revision=number),
        )
        return after

    async def _others_failed(self, invoice: Invoice) -> bool:
        if invoice.subscription_id is None:
            return False
        return await invoices.others_failed(self.connection, invoice.subscription_id, invoice.id)

    async def _load(self, invoice: Invoice) -> Subscription | None:
        if invoice.subscription_id is None:
            return None
        return await subscriptions.get(self.connection, invoice.subscription_id, lock=True)

    async def _subscription(self, invoice: Invoice, effect: _Effect) -> None:
        before = await self._load(invoice)
        if before is None:
            return
        after = effect(before, await revisions.take(self.connection))
        if after is before:
            return
        keys = before.plan_keys() | after.plan_keys()
        change = Change(before, after, (), InvoiceReason.CHANGE, self.now, after.period_number)
        terms = await self.plans.terms_of(self.connection, keys)
        await store_changes(self.connection, self.outbox, [change], terms)

    async def _save(self, invoice: Invoice, verb: str = "") -> None:
        await invoices.save_payment(self.connection, invoice)
        if verb:
            event = _INVOICE_EVENTS[verb](invoice=invoice_to_proto(invoice))
            await self.outbox.put(self.connection, "invoice", verb, id=invoice.id, event=event)

    async def _credit(self, invoice: Invoice, amount: Money, why: str) -> None:
        revision = await revisions.take(self.connection)
        entry = credit_for(invoice, amount, why, id=new_id("cre"), now=self.now, revision=revision)
        if entry is None:
            return
        # Two invoices of one transaction may each leave some: the balance is read again.
        [before] = await customers.get_many(self.connection, [self.customer.id], lock=True)
        after = change_credit(before, amount, revision=revision)
        await credit.add_entries(self.connection, [entry])
        await customers.save(self.connection, after)
        await credit.save_balances(self.connection, before, after)
        event = events.CustomerUpdated(customer=customer_to_proto(after))
        await self.outbox.put(self.connection, "customer", "updated", id=after.id, event=event)


_INVOICE_EVENTS: dict[str, Callable[..., Message]] = {
    "paid": events.InvoicePaid,
    "voided": events.InvoiceVoided,
    "marked_uncollectible": events.InvoiceMarkedUncollectible,
}
