"""Invoices written by hand, for what no plan charges for: drafts that may be edited until they are finalized."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from billing.domain.customer import Customer
from billing.domain.invoice import Invoice, InvoiceLine, InvoiceReason, InvoiceState, LineType, number_text, settle
from billing.domain.invoicing import bill_to
from kernel.errors import FieldViolation, invalid, precondition
from kernel.money import Currency, Money
from kernel.period import Period
from kernel.pricing import Step
from kernel.quantity import EXACT, MAX_WHOLE_DIGITS, format_decimal

# A person writes them and a person reads them.
MOST_LINES: Final = 100
_MOST: Final = Decimal(10) ** MAX_WHOLE_DIGITS - 1


@dataclass(frozen=True, slots=True)
class ManualLine:
    """A line as somebody writes it.

    Attributes:
        quantity: Above zero.
        unit_price: Exact; below zero takes off.
    """

    description: str
    quantity: Decimal
    unit_price: Decimal


def check_product(quantity: Decimal, unit_price: Decimal, path: str) -> Decimal:
    """Quantity × unit price, exactly.

    Raises:
        TollkeeperError: `INVALID_FIELD`: it has more digits than an amount that the contract can take back.
    """
    product = EXACT.multiply(quantity, unit_price)
    if product.copy_abs() > _MOST:
        message = f"makes with the quantity an amount of more than {MAX_WHOLE_DIGITS} digits before the point"
        raise invalid(FieldViolation(path, message))
    return product


def draft(
    customer: Customer, lines: Sequence[ManualLine], unit: Currency, *, id: str, now: datetime, revision: int
) -> Invoice:
    """A draft of these lines. It shows no use of the customer's credit: that is decided when it is finalized."""
    written = _written(lines, unit, now)
    zero = Money.zero(unit)
    return Invoice(
        id=id,
        number=None,
        customer_id=customer.id,
        subscription_id=None,
        period_number=0,
        reason=InvoiceReason.MANUAL,
        lines=written,
        settlement=settle(written, zero),
        state=InvoiceState.DRAFT,
        bill_to=bill_to(customer),
        create_time=now,
        finalize_time=None,
        paid_time=None,
        revision=revision,
        amount_paid=zero,
        amount_credited=zero,
    )


def with_lines(invoice: Invoice, lines: Sequence[ManualLine], *, revision: int) -> Invoice:
    """The draft with other lines; itself where they are equal.

    Raises:
        TollkeeperError: `INVOICE_NOT_DRAFT`.
    """
    check_draft(invoice)
    unit = invoice.settlement.total.currency
    written = _written(lines, unit, invoice.create_time)
    if written == invoice.lines:
        return invoice
    return replace(invoice, lines=written, settlement=settle(written, Money.zero(unit)), revision=revision)


def settled_by(invoice: Invoice, customer: Customer) -> Invoice:
    """The draft as it is about to be finalized: with the customer's credit used, and the customer as it is now."""
    credit = customer.credit_in(invoice.settlement.total.currency.code)
    return replace(invoice, settlement=settle(invoice.lines, credit), bill_to=bill_to(customer))


def check_draft(invoice: Invoice) -> None:
    """Refuses to edit or throw away what is issued.

    Raises:
        TollkeeperError: `INVOICE_NOT_DRAFT`.
    """
    if invoice.state is InvoiceState.DRAFT:
        return
    name = invoice.id if invoice.number is None else number_text(invoice.number)
    raise precondition(
        "INVOICE_NOT_DRAFT",
        f"The invoice {name} is {invoice.state.lower()}, and only a draft may be edited or thrown away. "
        "Correct it with a credit note.",
        invoice_id=invoice.id,
        state=invoice.state,
    ).at("invoice_id")


def _written(lines: Sequence[ManualLine], unit: Currency, now: datetime) -> tuple[InvoiceLine, ...]:
    return tuple(_line(line, unit, now) for line in lines)


def _line(line: ManualLine, unit: Currency, now: datetime) -> InvoiceLine:
    amount = EXACT.multiply(line.quantity, line.unit_price)
    what = f"{format_decimal(line.quantity)} unit{'' if line.quantity == 1 else 's'}"
    return InvoiceLine(
        type=LineType.MANUAL,
        source=None,
        charge_id="",
        feature_id="",
        description=line.description,
        quantity=line.quantity,
        period_number=0,
        # It pays for no span of time.
        period=Period(now, now),
        subtotal=Money(amount, unit).rounded(),
        derivation=(Step(what, line.quantity, line.unit_price, amount),),
    )
