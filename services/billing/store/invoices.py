"""Invoices in the store. Once they have a number they never change but for their payment; triggers see to it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Integer,
    Row,
    Select,
    Text,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.invoice import (
    USAGE_TYPES,
    BillTo,
    Invoice,
    InvoiceLine,
    InvoiceReason,
    InvoiceState,
    Settlement,
)
from billing.domain.invoice_filters import InvoiceFilters
from billing.store import credit_notes, tables
from billing.store.bulk import among, insert_all
from billing.store.invoice_lines import account_line_from_row, line_from_row, line_to_row
from kernel.money import Money, currency
from kernel.quantity import ZERO
from kit.paging import Page

_TABLE = tables.invoice
_LINE = tables.invoice_line
_NOTE = tables.credit_note
_PAYMENT = (
    "state",
    "amount_paid",
    "amount_credited",
    "paid_time",
    "close_time",
    "next_attempt_time",
    "revision",
)


async def add_all(
    connection: AsyncConnection, invoices: Sequence[Invoice], test_clock_ids: Mapping[str, str | None]
) -> None:
    """Stores new invoices with their lines; the clocks are those of the customers, by customer id."""
    rows = [invoice_to_row(invoice, test_clock_ids[invoice.customer_id]) for invoice in invoices]
    await insert_all(connection, _TABLE, rows)
    lines = [
        line_to_row(line) | _place(invoice, position)
        for invoice in invoices
        for position, line in enumerate(invoice.lines)
    ]
    await insert_all(connection, _LINE, lines)


async def get(connection: AsyncConnection, invoice_id: str, *, lock: bool = False) -> Invoice | None:
    """The invoice, or None; with `lock` nobody else changes it until the transaction's end."""
    query = select(_TABLE).where(_TABLE.c.id == invoice_id)
    row = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else (await _with_lines(connection, [row]))[0]


async def save_payment(connection: AsyncConnection, invoice: Invoice) -> None:
    """Stores how the payment of an issued invoice stands; nothing else of it ever changes."""
    row = invoice_to_row(invoice)
    payment = {name: row[name] for name in _PAYMENT}
    await connection.execute(update(_TABLE).where(_TABLE.c.id == invoice.id).values(payment))


async def others_failed(connection: AsyncConnection, subscription_id: str, invoice_id: str) -> bool:
    """Whether another open invoice of the subscription had a payment that failed."""
    query = select(_TABLE.c.id).where(
        _TABLE.c.subscription_id == subscription_id,
        _TABLE.c.id != invoice_id,
        _TABLE.c.state == InvoiceState.OPEN,
        _TABLE.c.first_failure_time.is_not(None),
    )
    return (await connection.execute(query.limit(1))).one_or_none() is not None


@dataclass(frozen=True, slots=True)
class Asked:
    """Asks for a subscription's account.

    Attributes:
        first: The first of the periods whose usage lines are asked for.
        last: The current period.
        whole: Whether the lines of the current period that charge in advance are asked for as well.
    """

    subscription_id: str
    first: int
    last: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Account:
    """Lines that count for what a subscription is charged next, the oldest first; and their invoices with the credit notes of them."""

    lines: tuple[InvoiceLine, ...]
    invoice_ids: frozenset[str]
    note_ids: frozenset[str] = frozenset()


async def accounts(connection: AsyncConnection, asked: Sequence[Asked]) -> Mapping[str, Account]:
    """The accounts of subscriptions, by subscription id; none for one without lines.

    The lines come without their derivations. Lines of void invoices never counted.
    """
    if not asked:
        return {}
    rows: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in await connection.execute(_account_query(asked)):
        rows[row.subscription_id].append(row)
    invoice_ids = {row.invoice_id for found in rows.values() for row in found}
    notes = await credit_notes.of_invoices(connection, invoice_ids)
    return {subscription_id: _account(found, notes) for subscription_id, found in rows.items()}


def _account(rows: Sequence[Row[Any]], notes: Mapping[str, credit_notes.TakenBack]) -> Account:
    invoice_ids = frozenset(row.invoice_id for row in rows)
    known = {invoice_id: notes[invoice_id] for invoice_id in invoice_ids if invoice_id in notes}
    lines = []
    for row in rows:
        line = account_line_from_row(row)
        if row.invoice_id in known:
            line = replace(line, taken_back=known[row.invoice_id].by_line.get(row.position, ZERO))
        lines.append(line)
    return Account(tuple(lines), invoice_ids, frozenset(note_id for one in known.values() for note_id in one.note_ids))


def _account_query(asked: Sequence[Asked]) -> Select[Any]:
    one = (
        func.unnest(
            literal([one.subscription_id for one in asked], ARRAY(Text)),
            literal([one.first for one in asked], ARRAY(Integer)),
            literal([one.last for one in asked], ARRAY(Integer)),
            literal([one.whole for one in asked], ARRAY(Boolean)),
        )
        .table_valued("id", "first", "last", "whole", name="asked")
        .render_derived()
    )
    return (
        select(*(column for column in _LINE.c if column.name != "derivation"))
        .join(_TABLE, _TABLE.c.id == _LINE.c.invoice_id)
        .join(
            one,
            and_(
                _LINE.c.subscription_id == one.c.id,
                _LINE.c.period_number.between(one.c.first, one.c.last),
                or_(_LINE.c.type.in_(USAGE_TYPES), and_(one.c.whole, _LINE.c.period_number == one.c.last)),
            ),
        )
        .where(_TABLE.c.state != InvoiceState.VOID)
        .order_by(_LINE.c.subscription_id, _LINE.c.period_number, _LINE.c.number, _LINE.c.position)
    )


async def stale_among(
    connection: AsyncConnection, invoice_ids: Collection[str], note_ids: Collection[str]
) -> frozenset[str]:
    """Those of the invoices that are void, or have a credit note that is not among these."""
    if not invoice_ids:
        return frozenset()
    newer = exists().where(_NOTE.c.invoice_id == _TABLE.c.id, ~among(_NOTE.c.id, note_ids))
    query = select(_TABLE.c.id).where(among(_TABLE.c.id, invoice_ids), or_(_TABLE.c.state == InvoiceState.VOID, newer))
    return frozenset((await connection.execute(query)).scalars())


async def list_page(connection: AsyncConnection, page: Page, *, after: int, filters: InvoiceFilters) -> list[Invoice]:
    """One finalized invoice more than the page holds, where there are more, of numbers above `after`."""
    query = select(_TABLE).where(_TABLE.c.number > after, *_passing(filters))
    return await _with_lines(connection, (await connection.execute(_paged(query, _TABLE.c.number, page))).all())


async def list_drafts(connection: AsyncConnection, page: Page, *, after: str, filters: InvoiceFilters) -> list[Invoice]:
    """One draft more than the page holds, where there are more, of ids after `after`."""
    query = select(_TABLE).where(_TABLE.c.number.is_(None), _TABLE.c.id > after, *_passing(filters))
    return await _with_lines(connection, (await connection.execute(_paged(query, _TABLE.c.id, page))).all())


def _paged(query: Select[Any], order: ColumnElement[Any], page: Page) -> Select[Any]:
    return query.order_by(order).limit(page.size + 1)


def _passing(filters: InvoiceFilters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.customer_id:
        found.append(_TABLE.c.customer_id == filters.customer_id)
    if filters.subscription_id:
        found.append(_TABLE.c.subscription_id == filters.subscription_id)
    if filters.states:
        found.append(_TABLE.c.state.in_(filters.states))
    if filters.finalized_from is not None:
        found.append(_TABLE.c.finalize_time >= filters.finalized_from)
    if filters.finalized_before is not None:
        found.append(_TABLE.c.finalize_time < filters.finalized_before)
    return found


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


def invoice_to_row(invoice: Invoice, test_clock_id: str | None = None) -> dict[str, object]:
    """The columns of an invoice; what its payments add is kept by `save_payment`."""
    settlement, to = invoice.settlement, invoice.bill_to
    return {
        "id": invoice.id,
        "number": invoice.number,
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "test_clock_id": test_clock_id,
        "period_number": invoice.period_number,
        "reason": invoice.reason,
        "state": invoice.state,
        "currency": settlement.total.currency.code,
        "total": settlement.total.amount,
        "credit_applied": settlement.credit_applied.amount,
        "credit_granted": settlement.credit_granted.amount,
        "amount_due": settlement.amount_due.amount,
        "amount_paid": invoice.amount_paid.amount,
        "amount_credited": invoice.amount_credited.amount,
        "bill_to": [to.display_name, to.email, to.country],
        "create_time": invoice.create_time,
        "finalize_time": invoice.finalize_time,
        "paid_time": invoice.paid_time,
        "close_time": invoice.close_time,
        "next_attempt_time": invoice.next_attempt_time,
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
        bill_to=BillTo(*row.bill_to),
        create_time=row.create_time,
        finalize_time=row.finalize_time,
        paid_time=row.paid_time,
        revision=row.revision,
        amount_paid=Money(row.amount_paid, unit),
        amount_credited=Money(row.amount_credited, unit),
        next_attempt_time=row.next_attempt_time,
        close_time=row.close_time,
    )
