"""Products in the store."""

from collections.abc import Sequence
from typing import Any

from kit.paging import Page
from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.product import Product
from catalog.store import tables

_TABLE = tables.product


async def next_revision(connection: AsyncConnection) -> int:
    """A revision greater than every one before."""
    return int((await connection.execute(select(tables.revision.next_value()))).scalar_one())


async def get(connection: AsyncConnection, product_id: str, *, lock: bool = False) -> Product | None:
    """The product, or None; with `lock` until the transaction's end."""
    query = select(_TABLE).where(_TABLE.c.id == product_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else product_from_row(row)


async def add(connection: AsyncConnection, product: Product) -> None:
    """Stores a new product."""
    await connection.execute(insert(_TABLE).values(product_to_row(product)))


async def list_page(connection: AsyncConnection, page: Page) -> Sequence[Product]:
    """One row more than the page holds, where there are more."""
    query = select(_TABLE).order_by(_TABLE.c.id).limit(page.size + 1)
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    return [product_from_row(row) for row in await connection.execute(query)]


def product_to_row(product: Product) -> dict[str, object]:
    """The columns of a product."""
    return {
        "id": product.id,
        "display_name": product.display_name,
        "description": product.description,
        "revision": product.revision,
        "create_time": product.create_time,
        "update_time": product.update_time,
    }


def product_from_row(row: Row[Any]) -> Product:
    """The product of a row."""
    return Product(**row._mapping)  # noqa: SLF001 - the documented way to a row's columns.
