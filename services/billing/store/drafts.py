"""Drafts of invoices in the store: the only invoices that are edited, and thrown away."""

from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.invoice import Invoice
from billing.store import tables
from billing.store.invoice_lines import line_to_row
from billing.store.invoices import invoice_to_row

_TABLE = tables.invoice
_LINE = tables.invoice_line
# Fixed when the draft is made.
_FIXED = ("id", "test_clock_id")


async def save_lines(connection: AsyncConnection, draft: Invoice) -> None:
    """Stores a draft with other lines; it is locked."""
    await connection.execute(delete(_LINE).where(_LINE.c.invoice_id == draft.id))
    lines = [
        line_to_row(line)
        | {"invoice_id": draft.id, "position": position, "subscription_id": draft.subscription_id, "number": None}
        for position, line in enumerate(draft.lines)
    ]
    await connection.execute(insert(_LINE), lines)
    await _save(connection, draft)


async def issue(connection: AsyncConnection, invoice: Invoice) -> None:
    """Stores a draft, which is locked, as the invoice that it became; from now on a trigger guards it."""
    await connection.execute(update(_LINE).where(_LINE.c.invoice_id == invoice.id).values(number=invoice.number))
    await _save(connection, invoice)


async def remove(connection: AsyncConnection, invoice_id: str) -> None:
    """Removes a draft, which is locked, with its lines."""
    await connection.execute(delete(_LINE).where(_LINE.c.invoice_id == invoice_id))
    await connection.execute(delete(_TABLE).where(_TABLE.c.id == invoice_id))


async def _save(connection: AsyncConnection, invoice: Invoice) -> None:
    row = {name: value for name, value in invoice_to_row(invoice).items() if name not in _FIXED}
    await connection.execute(update(_TABLE).where(_TABLE.c.id == invoice.id).values(row))
