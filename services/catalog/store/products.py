"""Products in the store."""

from typing import Any, Final

from sqlalchemy import Row

from catalog.domain.product import Product
from catalog.store import tables
from catalog.store.shelf import Shelf


def product_to_row(product: Product) -> dict[str, object]:
    """The columns of a product."""
    return {
        "id": product.id,
        "display_name": product.display_name,
        "description": product.description,
        "multiple_subscriptions": product.multiple_subscriptions,
        "revision": product.revision,
        "create_time": product.create_time,
        "update_time": product.update_time,
    }


def product_from_row(row: Row[Any]) -> Product:
    """The product of a row."""
    return Product(**row._mapping)  # noqa: SLF001 - the documented way to a row's columns.


PRODUCTS: Final = Shelf(tables.product, to_row=product_to_row, from_row=product_from_row)
