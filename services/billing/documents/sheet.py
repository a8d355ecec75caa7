"""What an invoice says on paper and on a page: every word and number of it, before either is laid out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.documents import reading
from billing.documents.sheet_lines import SheetLine, sheet_line
from billing.documents.sheet_sums import Sum, sums
from kernel.money import CURRENCIES, Currency
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.billing.v1.invoice_pb2 import Invoice

_REASONS: Final = {
    invoice_pb2.INVOICE_REASON_PROVISION: "Start of the subscription",
    invoice_pb2.INVOICE_REASON_COMMITMENT: "Change of commitments",
    invoice_pb2.INVOICE_REASON_RENEWAL: "Renewal",
    invoice_pb2.INVOICE_REASON_FINAL: "End of the subscription",
    invoice_pb2.INVOICE_REASON_CHANGE: "Change of the subscription",
    invoice_pb2.INVOICE_REASON_TRIAL_END: "End of the trial",
    invoice_pb2.INVOICE_REASON_MANUAL: "Made by hand",
}
_STATES: Final = {
    invoice_pb2.INVOICE_STATE_DRAFT: "Draft",
    invoice_pb2.INVOICE_STATE_OPEN: "Open",
    invoice_pb2.INVOICE_STATE_PAID: "Paid",
    invoice_pb2.INVOICE_STATE_VOID: "Void",
    invoice_pb2.INVOICE_STATE_UNCOLLECTIBLE: "Uncollectible",
}
# What must not be taken for a bill says so across the sheet.
_STAMPED: Final = (invoice_pb2.INVOICE_STATE_DRAFT, invoice_pb2.INVOICE_STATE_VOID)


@dataclass(frozen=True, slots=True)
class Sheet:
    """An invoice in words.

    Attributes:
        title: "Invoice TK-000017", "Draft invoice".
        state: One word; `state_sentence` says when and what it means.
        stamp: "DRAFT" or "VOID", across the sheet; empty on others.
        seller: Name and address, a line each; may be empty.
        bill_to: Who is asked, a line each.
        facts: Names and values, such as ("Date", "1 Feb 2013").
        time: When it was finalized, else made; None on a preview.
    """

    title: str
    state: str
    state_sentence: str
    stamp: str
    seller: tuple[str, ...]
    bill_to: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    lines: tuple[SheetLine, ...]
    sums: tuple[Sum, ...]
    notes: tuple[str, ...]
    time: datetime | None


def sheet_of(invoice: Invoice, *, seller: Sequence[str], time_zone: str) -> Sheet:
    """The invoice in words, its dates in that time zone."""
    currency = CURRENCIES[invoice.currency]
    state = _STATES.get(invoice.state, "")
    return Sheet(
        title=f"Invoice {invoice.number}" if invoice.number else "Draft invoice",
        state=state,
        state_sentence=_state_sentence(invoice, currency, time_zone),
        stamp=state.upper() if invoice.state in _STAMPED else "",
        seller=tuple(line for line in map(reading.legible, seller) if line),
        bill_to=_bill_to(invoice),
        facts=tuple((name, value) for name, value in _facts(invoice, time_zone) if value),
        lines=tuple(sheet_line(line, currency, time_zone) for line in invoice.lines),
        sums=sums(invoice, currency),
        notes=_notes(invoice, currency, time_zone),
        time=_time(invoice),
    )


def seller_lines(text: str) -> tuple[str, ...]:
    """The seller's name and address from one text, its lines apart by line breaks or "|"."""
    return tuple(line.strip() for line in re.split(r"[\r\n|]", text) if line.strip())


def _time(invoice: Invoice) -> datetime | None:
    if invoice.HasField("finalize_time"):
        return reading.instant(invoice.finalize_time)
    return reading.instant(invoice.create_time) if invoice.HasField("create_time") else None


def _bill_to(invoice: Invoice) -> tuple[str, ...]:
    to = invoice.bill_to
    lines = [reading.legible(text) for text in (to.display_name, to.email, to.country)]
    return tuple(line for line in lines if line) or (invoice.customer_id,)


def _facts(invoice: Invoice, time_zone: str) -> Iterator[tuple[str, str]]:
    yield "Number", invoice.number
    if invoice.HasField("finalize_time"):
        yield "Date", reading.day(invoice.finalize_time, time_zone)
    elif invoice.HasField("create_time"):
        yield "Drafted", reading.day(invoice.create_time, time_zone)
    whole = reading.whole_span([line.period for line in invoice.lines])
    yield "Service period", " – ".join(reading.bounds(whole, time_zone))
    yield "Reason", _REASONS.get(invoice.reason, "")
    yield "Currency", invoice.currency
    yield "Time zone", time_zone
    yield "Customer", invoice.customer_id
    yield "Subscription", invoice.subscription_id


def _state_sentence(invoice: Invoice, currency: Currency, time_zone: str) -> str:
    left = reading.shown(reading.money(invoice.amount_remaining, currency))
    closed = f" on {reading.day(invoice.close_time, time_zone)}" if invoice.HasField("close_time") else ""
    match invoice.state:
        case invoice_pb2.INVOICE_STATE_DRAFT:
            return "This is a draft: it has no number, and nothing is asked for."
        case invoice_pb2.INVOICE_STATE_OPEN:
            retry = f" The next attempt to collect it is on {reading.day(invoice.next_attempt_time, time_zone)}."
            return f"{left} is left to pay." + (retry if invoice.HasField("next_attempt_time") else "")
        case invoice_pb2.INVOICE_STATE_PAID:
            return _paid_sentence(invoice, currency, time_zone)
        case invoice_pb2.INVOICE_STATE_VOID:
            return f"Taken back{closed}: nothing is asked for."
        case invoice_pb2.INVOICE_STATE_UNCOLLECTIBLE:
            return f"Given up{closed}: {left} is left unpaid."
    return ""


def _paid_sentence(invoice: Invoice, currency: Currency, time_zone: str) -> str:
    at = f" on {reading.day(invoice.paid_time, time_zone)}" if invoice.HasField("paid_time") else ""
    if reading.money(invoice.amount_due, currency).amount:
        return f"Paid{at}."
    return f"Settled{at}: nothing was left to pay."


def _notes(invoice: Invoice, currency: Currency, time_zone: str) -> tuple[str, ...]:
    unit = reading.smallest(currency)
    net = "All amounts are net of tax: tax is not in them." if _is_net(invoice) else ""
    what = f"Amounts are in {currency.code}, dates and times in {time_zone}; a period ends just before what is shown as its end."
    how = f"Each line is rounded once, half away from zero, to {unit}; the amounts of the lines add up to the total."
    return tuple(note for note in (net, what, how) if note)


def _is_net(invoice: Invoice) -> bool:
    return invoice.tax_behavior == invoice_pb2.TAX_BEHAVIOR_EXCLUSIVE
