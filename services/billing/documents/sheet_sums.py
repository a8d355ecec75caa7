"""From the subtotal to what is left to pay: a column that a person can add up."""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.documents import reading
from kernel.money import Currency, Money
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.billing.v1.invoice_pb2 import Invoice


@dataclass(frozen=True, slots=True)
class Sum:
    """One row of the column.

    Attributes:
        is_result: It is what the rows since the last result add up to.
    """

    label: str
    amount: str
    is_result: bool = False


def sums(invoice: Invoice, currency: Currency) -> tuple[Sum, ...]:
    """The rows: every result is the one before and the rows between, added."""
    return tuple(_sums(invoice, currency))


def _sums(invoice: Invoice, currency: Currency) -> Iterator[Sum]:
    total = reading.money(invoice.total, currency)
    due = reading.money(invoice.amount_due, currency)
    discounts = [(reading.legible(d.description), -reading.money(d.amount, currency)) for d in invoice.discounts]
    subtotal = total - Money.total((off for _, off in discounts), currency)
    yield Sum("Subtotal", reading.shown(subtotal), is_result=True)
    yield from (Sum(description, reading.shown(off)) for description, off in discounts)
    yield Sum("Total", reading.shown(total), is_result=True)
    yield from _unless_zero("Paid from credit", -reading.money(invoice.credit_applied, currency))
    yield from _unless_zero("Becomes credit", reading.money(invoice.credit_granted, currency))
    yield Sum("Amount due", reading.shown(due), is_result=True)
    if invoice.state != invoice_pb2.INVOICE_STATE_DRAFT:
        yield from _settlement(invoice, due)


def _settlement(invoice: Invoice, due: Money) -> Iterator[Sum]:
    paid = reading.money(invoice.amount_paid, due.currency)
    credited = reading.money(invoice.amount_credited, due.currency)
    left = reading.money(invoice.amount_remaining, due.currency)
    yield from _unless_zero("Paid", -paid)
    yield from _unless_zero("Credited by credit notes", -credited)
    if invoice.state == invoice_pb2.INVOICE_STATE_VOID:
        yield from _unless_zero("Taken back", left - (due - paid - credited))
    yield Sum("Left to pay", reading.shown(left), is_result=True)


def _unless_zero(label: str, amount: Money) -> Iterator[Sum]:
    if amount.amount:
        yield Sum(label, reading.shown(amount))
