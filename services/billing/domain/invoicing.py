"""From what a change charges to its invoice, and what a first or additional payment that must be waited for makes of the change."""

from dataclasses import replace
from datetime import datetime

from billing.domain.charging import Change
from billing.domain.customer import Customer
from billing.domain.invoice import BillTo, Invoice, InvoiceReason, InvoiceState, settle
from billing.domain.subscription import Pending, SubscriptionState
from kernel.money import Money, currency

# What is granted only once it is paid: what a subscription has, it keeps.
_PAID_FIRST = frozenset({InvoiceReason.PROVISION, InvoiceReason.CHANGE, InvoiceReason.COMMITMENT})


def draft_invoice(change: Change, customer: Customer, now: datetime) -> Invoice:
    """The invoice of a change that has lines, settled with the customer's credit as it is now; not yet issued."""
    subscription = change.subscription
    zero = Money.zero(currency(subscription.currency))
    return Invoice(
        id="",
        number=None,
        customer_id=customer.id,
        subscription_id=subscription.id,
        period_number=change.period_number,
        reason=change.reason,
        lines=change.lines,
        settlement=settle(change.lines, customer.credit_in(subscription.currency)),
        state=InvoiceState.DRAFT,
        bill_to=bill_to(customer),
        create_time=now,
        finalize_time=None,
        paid_time=None,
        revision=0,
        amount_paid=zero,
        amount_credited=zero,
    )


def bill_to(customer: Customer) -> BillTo:
    """The customer as an invoice names it."""
    return BillTo(customer.display_name or customer.id, customer.email, customer.country)


def waits(change: Change, invoice: Invoice, customer: Customer) -> bool:
    """Whether the change happens only once its invoice is paid by the payment provider."""
    if not customer.automatic or not invoice.settlement.amount_due.amount:
        return False
    return change.reason in _PAID_FIRST or _ends_trial_early(change)


def _ends_trial_early(change: Change) -> bool:
    return change.before is not None and change.before.trial_end != change.subscription.trial_end


def paid_first(change: Change, customer: Customer, now: datetime) -> bool:
    """Whether the change would wait for a payment, so that the customer must be able to pay."""
    return bool(change.lines) and waits(change, draft_invoice(change, customer, now), customer)


def awaiting(change: Change, invoice: Invoice) -> Change:
    """The change as it stands until its invoice is paid: a new subscription waits whole, another stays as it was."""
    after, before = change.subscription, change.before
    if change.reason is InvoiceReason.PROVISION or before is None:
        waiting = replace(after, state=SubscriptionState.PENDING_PAYMENT, pending_since=change.at)
    else:
        waiting = replace(before, pending=Pending(after, invoice.id, change.at), revision=after.revision)
    return replace(change, subscription=waiting)
