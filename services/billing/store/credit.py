"""Customers' credit in the store: a balance per currency, and every entry that made it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.credit import CreditEntry
from billing.domain.customer import Customer
from billing.store import tables
from billing.store.bulk import insert_all
from kernel.money import Money, currency

_BALANCE = tables.credit_balance
_ENTRY = tables.credit_entry


async def add_entries(connection: AsyncConnection, entries: Sequence[CreditEntry]) -> None:
    """Stores what changed balances."""
    await insert_all(connection, _ENTRY, [_entry_to_row(entry) for entry in entries])


async def list_entries(
    connection: AsyncConnection, customer_id: str, *, before: tuple[int, str] | None, limit: int
) -> list[CreditEntry]:
    """The customer's entries, newest first, before a (revision, id)."""
    query = select(_ENTRY).where(_ENTRY.c.customer_id == customer_id)
    if before is not None:
        query = query.where(tuple_(_ENTRY.c.revision, _ENTRY.c.id) < before)
    query = query.order_by(_ENTRY.c.revision.desc(), _ENTRY.c.id.desc()).limit(limit)
    return [_entry_from_row(row) for row in await connection.execute(query)]


async def save_balances(connection: AsyncConnection, before: Customer, after: Customer) -> None:
    """Stores the balances of a customer, which is locked, in every currency that it has or had credit in."""
    codes = sorted({money.currency.code for money in (*before.credit, *after.credit)})
    rows = [{"customer_id": after.id, "currency": code, "amount": after.credit_in(code).amount} for code in codes]
    statement = upsert(_BALANCE)
    statement = statement.on_conflict_do_update(
        index_elements=[_BALANCE.c.customer_id, _BALANCE.c.currency], set_={"amount": statement.excluded.amount}
    )
    await connection.execute(statement, rows)


def _entry_to_row(entry: CreditEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "customer_id": entry.customer_id,
        "invoice_id": entry.invoice_id,
        "credit_note_id": entry.credit_note_id,
        "currency": entry.amount.currency.code,
        "amount": entry.amount.amount,
        "description": entry.description,
        "create_time": entry.create_time,
        "revision": entry.revision,
    }


def _entry_from_row(row: Row[Any]) -> CreditEntry:
    return CreditEntry(
        id=row.id,
        customer_id=row.customer_id,
        amount=Money(row.amount, currency(row.currency)),
        description=row.description,
        invoice_id=row.invoice_id,
        credit_note_id=row.credit_note_id,
        create_time=row.create_time,
        revision=row.revision,
    )
