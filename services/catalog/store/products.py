"""Products in the store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, all_, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.product import Product
from catalog.store import tables
from catalog.store.arrays import texts
from kit.paging import Page

_TABLE = tables.product


async def get(connection: AsyncConnection, product_id: str, *, lock: bool = False) -> Product | None:
    """The product, or None; with `lock` until the transaction's end."""
    query = select(_TABLE).where(_TABLE.c.id == product_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else product_from_row(row)


async def get_all(connection: AsyncConnection, ids: Collection[str]) -> Mapping[str, Product]:
    """Those of the products that exist, by id."""
    rows = await connection.execute(select(_TABLE).where(_TABLE.c.id == any_(texts(ids))))
    return {row.id: product_from_row(row) for row in rows}


async def ids_except(connection: AsyncConnection, ids: Collection[str]) -> Sequence[str]:
    """The ids of all other products, in order."""
    query = select(_TABLE.c.id).where(_TABLE.c.id != all_(texts(ids))).order_by(_TABLE.c.id)
    return (await connection.execute(query)).scalars().all()


async def add(connection: AsyncConnection, product: Product) -> bool:
    """Stores a new product; False, and nothing, where the id is taken."""
    statement = insert(_TABLE).values(product_to_row(product)).on_conflict_do_nothing()
    return (await connection.execute(statement.returning(_TABLE.c.id))).one_or_none() is not None


async def add_all(connection: AsyncConnection, products: Sequence[Product]) -> None:
    """Stores new products."""
    if products:
        await connection.execute(insert(_TABLE), [product_to_row(product) for product in products])


async def replace_all(connection: AsyncConnection, products: Sequence[Product]) -> None:
    """Stores what products have become."""
    if products:
        statement = update(_TABLE).where(_TABLE.c.id == bindparam("key"))
        rows = [product_to_row(product) | {"key": product.id} for product in products]
        await connection.execute(statement, rows)


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
