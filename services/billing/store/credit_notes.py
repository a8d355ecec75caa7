"""Credit notes in the store; a trigger refuses every change."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, Numeric, Row, cast, column, func, insert, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.credit_note import CreditNote, CreditNoteLine
from billing.store import tables
from billing.store.bulk import among
from kernel.money import Currency, Money, currency
from kernel.quantity import EXACT, ZERO, format_decimal
from kit.paging import Page

_TABLE = tables.credit_note


async def add(connection: AsyncConnection, note: CreditNote) -> None:
    """Stores a new credit note."""
    await connection.execute(insert(_TABLE).values(note_to_row(note)))


async def credited(connection: AsyncConnection, invoice_id: str, unit: Currency) -> Mapping[int, Money]:
    """What the notes of an invoice took back, by the index of the line."""
    lines = func.jsonb_array_elements(_TABLE.c.lines).table_valued(column("value", JSONB))
    index = cast(lines.c.value[0].astext, Integer)
    amount = func.sum(cast(lines.c.value[2].astext, Numeric))
    query = select(index, amount).select_from(_TABLE.join(lines, true())).where(_TABLE.c.invoice_id == invoice_id)
    return {place: Money(taken, unit) for place, taken in await connection.execute(query.group_by(index))}


@dataclass(slots=True)
class TakenBack:
    """What the credit notes of an invoice took back, by the index of the line."""

    note_ids: set[str] = field(default_factory=set)
    by_line: dict[int, Decimal] = field(default_factory=dict)


async def of_invoices(connection: AsyncConnection, invoice_ids: Collection[str]) -> Mapping[str, TakenBack]:
    """What was taken back of invoices, by their ids; none for one without credit notes."""
    found: dict[str, TakenBack] = defaultdict(TakenBack)
    if not invoice_ids:
        return found
    query = select(_TABLE.c.id, _TABLE.c.invoice_id, _TABLE.c.lines).where(among(_TABLE.c.invoice_id, invoice_ids))
    for row in await connection.execute(query):
        taken = found[row.invoice_id]
        taken.note_ids.add(row.id)
        for index, _, amount in row.lines:
            taken.by_line[index] = EXACT.add(taken.by_line.get(index, ZERO), Decimal(amount))
    return found


async def list_page(
    connection: AsyncConnection, page: Page, *, after: int, customer_id: str, invoice_id: str
) -> list[CreditNote]:
    """One note more than the page holds, where there are more, of numbers above `after`; empty ids choose nothing."""
    query = select(_TABLE).where(_TABLE.c.number > after).order_by(_TABLE.c.number).limit(page.size + 1)
    if customer_id:
        query = query.where(_TABLE.c.customer_id == customer_id)
    if invoice_id:
        query = query.where(_TABLE.c.invoice_id == invoice_id)
    return [note_from_row(row) for row in await connection.execute(query)]


def note_to_row(note: CreditNote) -> dict[str, object]:
    """The columns of a credit note."""
    return {
        "id": note.id,
        "number": note.number,
        "customer_id": note.customer_id,
        "invoice_id": note.invoice_id,
        "invoice_number": note.invoice_number,
        "lines": [[line.index, line.description, format_decimal(line.amount.amount)] for line in note.lines],
        "currency": note.total.currency.code,
        "total": note.total.amount,
        "amount_off_remaining": note.amount_off_remaining.amount,
        "credit_granted": note.credit_granted.amount,
        "description": note.description,
        "create_time": note.create_time,
        "revision": note.revision,
    }


def note_from_row(row: Row[Any]) -> CreditNote:
    """The credit note of a row."""
    unit = currency(row.currency)
    return CreditNote(
        id=row.id,
        number=row.number,
        customer_id=row.customer_id,
        invoice_id=row.invoice_id,
        invoice_number=row.invoice_number,
        lines=tuple(
            CreditNoteLine(index, description, Money(Decimal(amount), unit)) for index, description, amount in row.lines
        ),
        amount_off_remaining=Money(row.amount_off_remaining, unit),
        credit_granted=Money(row.credit_granted, unit),
        description=row.description,
        create_time=row.create_time,
        revision=row.revision,
    )
