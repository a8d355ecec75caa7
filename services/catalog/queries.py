"""Reads without rules."""

from collections.abc import Sequence

from kernel.errors import not_found
from kit.db import Database
from kit.paging import Page

from catalog.domain.product import Product
from catalog.store import products


async def get_product(database: Database, product_id: str) -> Product:
    """One product.

    Raises:
        TollkeeperError: `PRODUCT_NOT_FOUND`.
    """
    async with database.read() as connection:
        product = await products.get(connection, product_id)
    if product is None:
        raise not_found("PRODUCT_NOT_FOUND", f"No product has the id {product_id}.", product_id=product_id)
    return product


async def list_products(database: Database, page: Page) -> Sequence[Product]:
    """The products of a page, and one more where there are more."""
    async with database.read() as connection:
        return await products.list_page(connection, page)
