"""A customer's credit, change by change."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.invoice import Invoice, number_text
from kernel.money import Money


@dataclass(frozen=True, slots=True)
class CreditEntry:
    """One change of a credit balance: above zero where credit was granted, below where it was used."""

    id: str
    customer_id: str
    amount: Money
    description: str
    invoice_id: str | None
    credit_note_id: str | None
    create_time: datetime
    revision: int


def invoice_entry(invoice: Invoice, *, id: str) -> CreditEntry | None:
    """What finalizing the invoice did to its customer's credit; None where it did nothing."""
    change = invoice.settlement.credit_change
    if not change.amount or invoice.number is None or invoice.finalize_time is None:
        return None
    what = "its total was negative" if change.amount > 0 else "used before money is asked for"
    return CreditEntry(
        id=id,
        customer_id=invoice.customer_id,
        amount=change,
        description=f"Invoice {number_text(invoice.number)}: {what}",
        invoice_id=invoice.id,
        credit_note_id=None,
        create_time=invoice.finalize_time,
        revision=invoice.revision,
    )
