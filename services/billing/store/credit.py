"""Customers' credit in the store: a balance per currency, and every entry that made it."""

from collections.abc import Sequence

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.customer import Customer
from billing.domain.invoice import Invoice
from billing.store import tables

_BALANCE = tables.credit_balance
_ENTRY = tables.credit_entry


async def add_entries(connection: AsyncConnection, invoices: Sequence[Invoice]) -> None:
    """Stores what the invoices granted and applied; those that did neither leave no entry."""
    rows = [
        {
            "invoice_id": invoice.id,
            "customer_id": invoice.customer_id,
            "currency": invoice.settlement.total.currency.code,
            "amount": invoice.settlement.credit_change.amount,
        }
        for invoice in invoices
        if invoice.settlement.credit_change.amount
    ]
    if rows:
        await connection.execute(insert(_ENTRY), rows)


async def save_balances(connection: AsyncConnection, before: Customer, after: Customer) -> None:
    """Stores the balances of a customer, which is locked, in every currency that it has or had credit in."""
    codes = sorted({money.currency.code for money in (*before.credit, *after.credit)})
    rows = [{"customer_id": after.id, "currency": code, "amount": after.credit_in(code).amount} for code in codes]
    statement = upsert(_BALANCE)
    statement = statement.on_conflict_do_update(
        index_elements=[_BALANCE.c.customer_id, _BALANCE.c.currency], set_={"amount": statement.excluded.amount}
    )
    await connection.execute(statement, rows)
