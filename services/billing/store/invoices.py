"""Invoices in the store. Once issued they never change but for their payment; triggers see to it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.invoice import Invoice, InvoiceLine, InvoiceReason, InvoiceState, LineType, Settlement
from billing.store import tables
from billing.store.invoice_lines import line_from_row, line_to_row
from kernel.money import Money, currency
from kit.paging import Page

_TABLE = tables.invoice
_LINE = tables.invoice_line
_COUNTER = tables.invoice_counter


async def take_numbers(connection: AsyncConnection, count: int) -> range:
    """The next numbers. Whoever takes them holds up everybody else who does until the transaction ends: take them last."""
    statement = update(_COUNTER).values(last=_COUNTER.c.last + count).returning(_COUNTER.c.last)
    last = int((await connection.execute(statement)).scalar_one())
    return range(last - count + 1, last + 1)


async def add_all(connection: AsyncConnection, invoices: Sequence[Invoice]) -> None:
    """Stores issued invoices with their lines."""
    await connection.execute(insert(_TABLE), [invoice_to_row(invoice) for invoice in invoices])
    lines = [
        line_to_row(line) | _place(invoice, position)
        for invoice in invoices
        for position, line in enumerate(invoice.lines)
    ]
    await connection.execute(insert(_LINE), lines)


async def get(connection: AsyncConnection, invoice_id: str) -> Invoice | None:
    """The invoice, or None."""
    row = (await connection.execute(select(_TABLE).where(_TABLE.c.id == invoice_id))).one_or_none()
    return None if row is None else (await _with_lines(connection, [row]))[0]


async def save_payment(connection: AsyncConnection, invoice: Invoice) -> None:
    """Stores that an invoice was paid."""
    values = {"state": invoice.state, "paid_time": invoice.paid_time, "revision": invoice.revision}
    await connection.execute(update(_TABLE).where(_TABLE.c.id == invoice.id).values(values))


async def accounts(
    connection: AsyncConnection, periods: Sequence[tuple[str, int]], types: Collection[LineType]
) -> Mapping[str, Sequence[InvoiceLine]]:
    """All lines of these types and (subscription id, period number), by subscription id; of a period the oldest first."""
    found: dict[str, list[InvoiceLine]] = defaultdict(list)
    if not periods:
        return found
    query = (
        select(_LINE)
        .where(tuple_(_LINE.c.subscription_id, _LINE.c.period_number).in_(list(periods)), _LINE.c.type.in_(types))
        .order_by(_LINE.c.subscription_id, _LINE.c.period_number, _LINE.c.number, _LINE.c.position)
    )
    for row in await connection.execute(query):
        found[row.subscription_id].append(line_from_row(row))
    return found


async def list_page(
    connection: AsyncConnection, page: Page, *, after: int, customer_id: str, subscription_id: str
) -> list[Invoice]:
    """One invoice more than the page holds, where there are more, of numbers above `after`."""
    query = select(_TABLE).where(_TABLE.c.number > after).order_by(_TABLE.c.number).limit(page.size + 1)
    if customer_id:
        query = query.where(_TABLE.c.customer_id == customer_id)
    if subscription_id:
        query = query.where(_TABLE.c.subscription_id == subscription_id)
    return await _with_lines(connection, (await connection.execute(query)).all())


async def _with_lines(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Invoice]:
    lines: dict[str, list[InvoiceLine]] = defaultdict(list)
    query = select(_LINE).where(_LINE.c.invoice_id.in_([row.id for row in rows])).order_by(_LINE.c.position)
    for line in await connection.execute(query):
        lines[line.invoice_id].append(line_from_row(line))
    return [invoice_from_row(row, tuple(lines[row.id])) for row in rows]


def _place(invoice: Invoice, position: int) -> dict[str, object]:
    return {
        "invoice_id": invoice.id,
        "position": position,
        "subscription_id": invoice.subscription_id,
        "number": invoice.number,
    }


def invoice_to_row(invoice: Invoice) -> dict[str, object]:
    """The columns of an issued invoice."""
    settlement = invoice.settlement
    return {
        "id": invoice.id,
        "number": invoice.number,
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "period_number": invoice.period_number,
        "reason": invoice.reason,
        "state": invoice.state,
        "currency": settlement.total.currency.code,
        "total": settlement.total.amount,
        "credit_applied": settlement.credit_applied.amount,
        "credit_granted": settlement.credit_granted.amount,
        "amount_due": settlement.amount_due.amount,
        "finalize_time": invoice.finalize_time,
        "paid_time": invoice.paid_time,
        "revision": invoice.revision,
    }


def invoice_from_row(row: Row[Any], lines: tuple[InvoiceLine, ...]) -> Invoice:
    """The invoice of a row and its lines."""
    unit = currency(row.currency)
    settlement = Settlement(
        total=Money(row.total, unit),
        credit_applied=Money(row.credit_applied, unit),
        credit_granted=Money(row.credit_granted, unit),
        amount_due=Money(row.amount_due, unit),
    )
    return Invoice(
        id=row.id,
        number=row.number,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        period_number=row.period_number,
        reason=InvoiceReason(row.reason),
        lines=lines,
        settlement=settlement,
        state=InvoiceState(row.state),
        finalize_time=row.finalize_time,
        paid_time=row.paid_time,
        revision=row.revision,
    )
