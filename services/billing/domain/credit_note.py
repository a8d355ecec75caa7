"""A credit note: a correction of an issued invoice in the customer's favour.

It gives money back and changes nothing of what was charged: what is prorated later, and usage that comes late, look at the
invoice's lines as before. But notes and later invoices together give back no more than was charged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from billing.domain.credit import CreditEntry
from billing.domain.invoice import AccountKey, Invoice, InvoiceState, number_text
from kernel.errors import FieldViolation, TollkeeperError, invalid, precondition
from kernel.money import Money, format_money
from kernel.quantity import ZERO

# As many as an invoice written by hand has; of a longer one, several notes take more back.
MOST_LINES: Final = 100
_CORRECTABLE: Final = frozenset({InvoiceState.OPEN, InvoiceState.PAID, InvoiceState.UNCOLLECTIBLE})
_LINES: Final = "lines"


@dataclass(frozen=True, slots=True)
class CorrectedLine:
    """What is to be taken back of a line: above zero, in whole minor units. `index` counts from 0."""

    index: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Correction:
    """What is asked for: at most `MOST_LINES` different lines."""

    invoice_id: str
    lines: tuple[CorrectedLine, ...]
    description: str


@dataclass(frozen=True, slots=True)
class CreditNoteLine:
    """What is taken back of a line, with the line's own description."""

    index: int
    description: str
    amount: Money


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note as billing holds it; it never changes.

    Attributes:
        number: Its place in the installation's gapless sequence of credit notes; None on a preview.
        amount_off_remaining: How much of it made what was left to pay less.
        credit_granted: The rest, which became the customer's credit.
    """

    id: str
    number: int | None
    customer_id: str
    invoice_id: str
    invoice_number: int
    lines: tuple[CreditNoteLine, ...]
    amount_off_remaining: Money
    credit_granted: Money
    description: str
    create_time: datetime
    revision: int

    @property
    def total(self) -> Money:
        """What its lines add up to."""
        return self.amount_off_remaining + self.credit_granted


def note_number_text(number: int) -> str:
    """The number as people read it: ``CN-000001``."""
    return f"CN-{number:06d}"


def credit_note(
    invoice: Invoice,
    asked: Correction,
    *,
    credited: Mapping[int, Money],
    kept: Mapping[int, Money],
    id: str,
    now: datetime,
    revision: int,
) -> tuple[CreditNote, Invoice]:
    """The note, without its number, and the invoice after it: what is left to pay becomes less, the rest is credit.

    An invoice that nothing is left of to pay is `PAID`, one that was given up as well; one that was paid before stays as it is.

    Args:
        invoice: As it is.
        asked: What is to be taken back.
        credited: What earlier notes took back, by line.
        kept: What is left of all that the line's item was charged in its period, by line: later invoices may have given some of it
            back. A line that is not named is its own whole account.
        id: Of the note.
        now: By the customer's clock.
        revision: Of the change.

    Raises:
        TollkeeperError: `INVOICE_NOT_OPEN` for a draft, and for one that is void; `CREDIT_NOTE_INVALID` naming every mistake.
    """
    if invoice.state not in _CORRECTABLE or invoice.number is None:
        raise _not_correctable(invoice)
    mistakes = [*_line_mistakes(invoice, asked, credited, kept), *_sum_mistakes(invoice, asked, credited)]
    if mistakes:
        raise invalid(*mistakes, reason="CREDIT_NOTE_INVALID")
    total = Money.total((line.amount for line in asked.lines), invoice.settlement.total.currency)
    off = Money(min(total.amount, invoice.amount_remaining.amount), total.currency)
    note = CreditNote(
        id=id,
        number=None,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        invoice_number=invoice.number,
        lines=tuple(
            CreditNoteLine(line.index, invoice.lines[line.index].description, line.amount) for line in asked.lines
        ),
        amount_off_remaining=off,
        credit_granted=total - off,
        description=asked.description,
        create_time=now,
        revision=revision,
    )
    return note, _less_to_pay(invoice, off, now, revision=revision)


def note_entry(note: CreditNote, *, id: str, revision: int) -> CreditEntry | None:
    """What the note did to its customer's credit; None where it did nothing, or is only a preview."""
    if not note.credit_granted.amount or note.number is None:
        return None
    return CreditEntry(
        id=id,
        customer_id=note.customer_id,
        amount=note.credit_granted,
        description=f"Credit note {note_number_text(note.number)}: corrects invoice {number_text(note.invoice_number)}",
        invoice_id=note.invoice_id,
        credit_note_id=note.id,
        create_time=note.create_time,
        revision=revision,
    )


def _less_to_pay(invoice: Invoice, off: Money, now: datetime, *, revision: int) -> Invoice:
    if not off.amount:
        return invoice
    after = replace(invoice, amount_credited=invoice.amount_credited + off, revision=revision)
    if after.amount_remaining.amount:
        return after
    # Credit is granted only beyond this point: so what a void invoice gives back was never given by a note.
    return replace(after, state=InvoiceState.PAID, paid_time=now, next_attempt_time=None, close_time=None)


def _line_mistakes(
    invoice: Invoice, asked: Correction, credited: Mapping[int, Money], kept: Mapping[int, Money]
) -> Iterator[FieldViolation]:
    unit = invoice.settlement.total.currency
    asked_before: dict[AccountKey, Decimal] = {}
    for place, line in enumerate(asked.lines):
        path = f"{_LINES}[{place}]"
        if not 0 <= line.index < len(invoice.lines):
            last = len(invoice.lines) - 1
            yield FieldViolation(f"{path}.line_index", f"must be a line of the invoice: 0 to {last}")
            continue
        amount = invoice.lines[line.index].amount
        if amount.amount <= 0:
            message = f"names a line of {format_money(amount)}, of which nothing can be taken back"
            yield FieldViolation(f"{path}.line_index", message)
        elif line.amount.currency != unit:
            yield FieldViolation(f"{path}.amount.currency", f"must be {unit.code}, the invoice's")
        elif line.amount.amount > (left := _left(amount, credited.get(line.index))).amount:
            yield FieldViolation(f"{path}.amount", f"must be at most {format_money(left)}, what is left of the line")
        elif line.index in kept:
            account = invoice.lines[line.index].account
            asked_for = asked_before.get(account, ZERO) + line.amount.amount
            asked_before[account] = asked_for
            if asked_for > (rest := _left(kept[line.index], None)).amount:
                message = f"must be at most {format_money(rest)}: the rest of what was charged was given back since"
                yield FieldViolation(f"{path}.amount", message)


def _sum_mistakes(invoice: Invoice, asked: Correction, credited: Mapping[int, Money]) -> Iterator[FieldViolation]:
    """Lines that take off make the invoice less than its other lines: of those, not all can be given back."""
    total = invoice.settlement.total
    if any(line.amount.currency != total.currency for line in asked.lines):
        return
    asked_for = Money.total((line.amount for line in asked.lines), total.currency)
    left = _left(total, Money.total(credited.values(), total.currency))
    if asked_for.amount > left.amount:
        message = f"must add up to at most {format_money(left)}, what is left of the invoice's total"
        yield FieldViolation(_LINES, message)


def _left(amount: Money, credited: Money | None) -> Money:
    left = amount if credited is None else amount - credited
    return left if left.amount > 0 else Money.zero(amount.currency)


def _not_correctable(invoice: Invoice) -> TollkeeperError:
    name = invoice.id if invoice.number is None else number_text(invoice.number)
    return precondition(
        "INVOICE_NOT_OPEN",
        f"The invoice {name} is {invoice.state.lower()}: a credit note corrects an open, paid or uncollectible one.",
        invoice_id=invoice.id,
        state=invoice.state,
    ).at("invoice_id")
