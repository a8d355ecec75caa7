"""What a payment, or the end of asking for it, brings about: for the invoice, the subscription, and the customer's credit.

Each is part of a transaction in which the customer is locked, so that what befalls its invoices follows one another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.balance import change_balance
from billing.commands.plans import Plans
from billing.commands.settle_changes import store_changes
from billing.domain.charging import Change
from billing.domain.collection_effects import after_void
from billing.domain.customer import Customer
from billing.domain.invoice import Invoice, InvoiceReason, InvoiceState
from billing.domain.invoice_ending import credit_for, mark_uncollectible, receive, returned, void
from billing.domain.payment_effects import payment_succeeded
from billing.domain.subscription import Subscription
from billing.messages.invoice import invoice_to_proto
from billing.store import collectible, customers, invoices, revisions, subscriptions
from kernel.ids import new_id
from kernel.money import Money
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events

# From a subscription as it is and a revision to the subscription after it.
Effect = Callable[[Subscription, int], Subscription]


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
    customer: Customer
    now: datetime

    async def paid(self, invoice: Invoice, money: Money) -> Invoice:
        """Money came. What the invoice does not need, because it was settled meanwhile, becomes the customer's credit."""
        after, excess = receive(invoice, money, now=self.now, revision=await revisions.take(self.connection))
        await self._credit(after, excess, "a payment that it did not need any more")
        if after is invoice:
            return invoice
        await self.save(after, "paid" if after.state is InvoiceState.PAID else "")
        if after.state is InvoiceState.PAID:
            await self.settled(after)
        return after

    async def settled(self, invoice: Invoice) -> None:
        """The invoice needs no payment any more, and its subscription has what was to be paid for."""
        others = await self._others_failed(invoice)
        await self.befalls(
            invoice, lambda one, revision: payment_succeeded(one, invoice.id, others_failed=others, revision=revision)
        )

    async def given_up(self, invoice: Invoice) -> Invoice:
        """Nothing is asked for any more, though it was owed: the invoice is uncollectible.

        Raises:
            TollkeeperError: `INVOICE_NOT_OPEN`.
        """
        revision = await revisions.take(self.connection)
        after = mark_uncollectible(invoice, now=self.now, revision=revision)
        if after is not invoice:
            await self.save(after, "marked_uncollectible")
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
        await self.save(after, "voided")
        await self._credit(after, returned(invoice), "taken back")
        others = await self._others_failed(invoice)
        await self.befalls(
            invoice,
            lambda one, number: after_void(one, invoice, others_failed=others, now=self.now, revision=number),
        )
        return after

    async def unpaid(self, subscription_id: str) -> None:
        """A subscription that waited for its first payment has ended: its invoice is taken back."""
        invoice_id = await collectible.invoice_of_first_payment(self.connection, subscription_id)
        invoice = None if invoice_id is None else await invoices.get(self.connection, invoice_id, lock=True)
        if invoice is not None and invoice.state is InvoiceState.OPEN:
            await self.voided(invoice)

    async def _others_failed(self, invoice: Invoice) -> bool:
        if invoice.subscription_id is None:
            return False
        return await invoices.others_failed(self.connection, invoice.subscription_id, invoice.id)

    async def subscription_of(self, invoice: Invoice) -> Subscription | None:
        """The invoice's subscription, locked; None where it has none."""
        if invoice.subscription_id is None:
            return None
        return await subscriptions.get(self.connection, invoice.subscription_id, lock=True)

    async def befalls(self, invoice: Invoice, effect: Effect) -> None:
        """Something befalls the invoice's subscription, if it has one: stored and announced, where it changes anything."""
        before = await self.subscription_of(invoice)
        if before is None:
            return
        after = effect(before, await revisions.take(self.connection))
        if after is before:
            return
        keys = before.plan_keys() | after.plan_keys()
        change = Change(before, after, (), InvoiceReason.CHANGE, self.now, after.period_number)
        terms = await self.plans.terms_of(self.connection, keys)
        await store_changes(self.connection, self.outbox, [change], terms)

    async def save(self, invoice: Invoice, verb: str = "") -> None:
        """Stores how the invoice's payment stands, and announces it where there is a verb for it."""
        await invoices.save_payment(self.connection, invoice)
        if verb:
            event = _INVOICE_EVENTS[verb](invoice=invoice_to_proto(invoice))
            await self.outbox.put(self.connection, "invoice", verb, id=invoice.id, event=event)

    async def _credit(self, invoice: Invoice, amount: Money, why: str) -> None:
        revision = await revisions.take(self.connection)
        entry = credit_for(invoice, amount, why, id=new_id("cre"), now=self.now, revision=revision)
        if entry is not None:
            # Somebody may have changed the balance in this transaction: it is read again.
            [customer] = await customers.get_many(self.connection, [self.customer.id], lock=True)
            await change_balance(self.connection, self.outbox, customer, entry=entry, revision=revision)


_INVOICE_EVENTS: dict[str, Callable[..., Message]] = {
    "paid": events.InvoicePaid,
    "voided": events.InvoiceVoided,
    "marked_uncollectible": events.InvoiceMarkedUncollectible,
}
