"""Customers in the store, with their credit."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.customer import CollectionMethod, Customer
from billing.store import tables
from billing.store.bulk import among
from kernel.money import Money, currency
from kit.paging import Page

_TABLE = tables.customer
_BALANCE = tables.credit_balance


async def get(connection: AsyncConnection, customer_id: str, *, lock: bool = False) -> Customer | None:
    """The customer, or None; with `lock` nobody else changes it or its subscriptions until the transaction's end."""
    found = await get_many(connection, [customer_id], lock=lock)
    return found[0] if found else None


async def get_many(connection: AsyncConnection, customer_ids: Sequence[str], *, lock: bool = False) -> list[Customer]:
    """Those of the customers that exist, in the order of their ids, which is also the order of the locks."""
    query = select(_TABLE).where(among(_TABLE.c.id, customer_ids)).order_by(_TABLE.c.id)
    rows = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).all()
    return await _with_credit(connection, rows)


async def add(connection: AsyncConnection, customer: Customer) -> bool:
    """Stores a new customer; False, and nothing is stored, where the id is taken."""
    statement = insert(_TABLE).values(customer_to_row(customer)).on_conflict_do_nothing().returning(_TABLE.c.id)
    return (await connection.execute(statement)).one_or_none() is not None


async def save(connection: AsyncConnection, customer: Customer) -> None:
    """Stores a changed customer; its credit is stored by `credit`."""
    await connection.execute(update(_TABLE).where(_TABLE.c.id == customer.id).values(customer_to_row(customer)))


async def list_page(connection: AsyncConnection, page: Page, test_clock_id: str) -> list[Customer]:
    """One row more than the page holds, where there are more; of one clock, or of all where none is named."""
    query = select(_TABLE).order_by(_TABLE.c.id).limit(page.size + 1)
    if test_clock_id:
        query = query.where(_TABLE.c.test_clock_id == test_clock_id)
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    return await _with_credit(connection, (await connection.execute(query)).all())


async def _with_credit(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Customer]:
    if not rows:
        return []
    query = (
        select(_BALANCE)
        .where(among(_BALANCE.c.customer_id, [row.id for row in rows]), _BALANCE.c.amount > 0)
        .order_by(_BALANCE.c.customer_id, _BALANCE.c.currency)
    )
    credit: dict[str, list[Money]] = defaultdict(list)
    for balance in await connection.execute(query):
        credit[balance.customer_id].append(Money(balance.amount, currency(balance.currency)))
    return [customer_from_row(row, tuple(credit[row.id])) for row in rows]


def customer_to_row(customer: Customer) -> dict[str, object]:
    """The columns of a customer."""
    return {
        "id": customer.id,
        "display_name": customer.display_name,
        "email": customer.email,
        "currency": customer.currency,
        "test_clock_id": customer.test_clock_id,
        "country": customer.country,
        "collection_method": customer.collection_method,
        "payment_method_id": customer.payment_method_id,
        "provider_customer_id": customer.provider_customer_id,
        "revision": customer.revision,
        "create_time": customer.create_time,
    }


def customer_from_row(row: Row[Any], credit: tuple[Money, ...]) -> Customer:
    """The customer of a row."""
    columns = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's columns.
    return Customer(**columns | {"collection_method": CollectionMethod(row.collection_method)}, credit=credit)
