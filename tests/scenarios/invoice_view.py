"""An invoice that was made, in the words of a story: what a failure shows, and what its reader compares."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from tests.scenarios.words import shown_time, word
from tollkeeper.billing.v1.invoice_pb2 import (
    INVOICE_LINE_TYPE_MANUAL,
    Invoice,
    InvoiceLine,
    InvoiceLineType,
    InvoiceReason,
    InvoiceState,
)


def shown_invoice(invoice: Invoice, zone: ZoneInfo) -> str:
    """The invoice with its lines, their steps, and its sums."""
    return "\n".join(_shown(invoice, zone))


def _shown(invoice: Invoice, zone: ZoneInfo) -> Iterator[str]:
    when = f" at {shown_time(invoice.finalize_time, zone)}" if invoice.HasField("finalize_time") else ""
    yield f"  invoice for {word(InvoiceReason, invoice.reason)}{when}, {word(InvoiceState, invoice.state)}"
    for line in invoice.lines:
        yield f"    {_line(line, zone)}"
        yield f"      # {line.description}"
        for step in line.derivation:
            yield f"      # {step.description}: {step.quantity} × {step.unit_price} = {step.amount}"
    for discount in invoice.discounts:
        yield f"    {_name(discount.coupon_id)} takes off {discount.amount.amount}"
    sums = [
        ("subtotal", invoice.subtotal),
        ("total", invoice.total),
        ("credit applied", invoice.credit_applied),
        ("credit granted", invoice.credit_granted),
        ("due", invoice.amount_due),
        ("remaining", invoice.amount_remaining),
    ]
    yield "    " + ", ".join(f"{name} {money.amount}" for name, money in sums)


def _line(line: InvoiceLine, zone: ZoneInfo) -> str:
    kind = word(InvoiceLineType, line.type)
    if line.type == INVOICE_LINE_TYPE_MANUAL:
        return f'manual "{line.description}", {line.quantity}: {line.subtotal.amount}'
    before = f" instead of {line.previous_quantity}" if line.previous_quantity else ""
    what = f"{kind} of {line.charge_id} in {_name(line.source_id)} v{line.plan_version}"
    if kind.startswith("add on"):
        what = f"{kind.replace('add on', 'add-on')} {_name(line.source_id)} ({line.charge_id})"
    span = f"from {shown_time(line.period.start_time, zone)} to {shown_time(line.period.end_time, zone)}"
    less = "".join(f" less {one.amount.amount}" for one in line.discounts)
    return f"{what}, {line.quantity}{before}, {span}: {line.subtotal.amount}{less} = {line.amount.amount}"


def _name(id: str) -> str:
    return id.partition(".")[2] or id
