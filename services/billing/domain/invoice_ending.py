"""How an issued invoice is settled or given up: money comes, or nothing is asked for any more."""

from dataclasses import replace
from datetime import datetime

from billing.domain.credit import CreditEntry
from billing.domain.invoice import Invoice, InvoiceState, mark_paid, not_open, number_text
from kernel.money import Money

_UNPAID = frozenset({InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE})


def receive(invoice: Invoice, money: Money, *, now: datetime, revision: int) -> tuple[Invoice, Money]:
    """The invoice after money came for it, and what of the money it did not need: all, where it was settled before."""
    if invoice.state not in _UNPAID:
        return invoice, money
    left = invoice.amount_remaining
    if money.amount < left.amount:
        return replace(invoice, amount_paid=invoice.amount_paid + money, revision=revision), Money.zero(money.currency)
    return mark_paid(invoice, now, revision=revision), money - left


def void(invoice: Invoice, *, now: datetime, revision: int) -> Invoice:
    """The invoice, taken back; itself where it is void already.

    Raises:
        TollkeeperError: `INVOICE_NOT_OPEN` for a draft and for one that is paid.
    """
    if invoice.state is InvoiceState.VOID:
        return invoice
    if invoice.state not in _UNPAID:
        raise not_open(invoice)
    return replace(invoice, state=InvoiceState.VOID, next_attempt_time=None, close_time=now, revision=revision)


def mark_uncollectible(invoice: Invoice, *, now: datetime, revision: int) -> Invoice:
    """The invoice, given up; itself where it is so already.

    Raises:
        TollkeeperError: `INVOICE_NOT_OPEN` for a draft, and for one that is paid or void.
    """
    if invoice.state is InvoiceState.UNCOLLECTIBLE:
        return invoice
    if invoice.state is not InvoiceState.OPEN:
        raise not_open(invoice)
    return replace(invoice, state=InvoiceState.UNCOLLECTIBLE, next_attempt_time=None, close_time=now, revision=revision)


def returned(invoice: Invoice) -> Money:
    """What a customer gets back as credit when the invoice becomes void: credit that it used, and money that came for it.

    Money that was credited to it by notes took off what was left to pay, and is not given twice.
    """
    return invoice.settlement.credit_applied + invoice.amount_paid


def credit_for(
    invoice: Invoice, amount: Money, why: str, *, id: str, now: datetime, revision: int
) -> CreditEntry | None:
    """The entry of credit that a settled invoice leaves; None where it is nothing."""
    if not amount.amount:
        return None
    name = invoice.id if invoice.number is None else number_text(invoice.number)
    return CreditEntry(
        id=id,
        customer_id=invoice.customer_id,
        amount=amount,
        description=f"Invoice {name}: {why}",
        invoice_id=invoice.id,
        credit_note_id=None,
        create_time=now,
        revision=revision,
    )
