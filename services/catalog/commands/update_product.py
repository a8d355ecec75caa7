"""Changes a product."""

from collections.abc import Sequence

from catalog.domain.catalog_application import Happening
from catalog.domain.errors import product_not_found
from catalog.domain.names_update import revise_product
from catalog.domain.product import Product, ProductSpec, change_product
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.products import PRODUCTS
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox


class UpdateProduct:
    """Changes a product and announces it; where nothing differs, nothing happens."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: ProductSpec, paths: Sequence[str]) -> Product:
        """The product as changed.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PRODUCT_NOT_FOUND`.
        """
        check_id(spec.id, "product.id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            product = await PRODUCTS.get(connection, spec.id, lock=True)
            if product is None:
                raise product_not_found(spec.id)
            revised = revise_product(product, spec, paths)
            if revised == product.spec:
                return product
            revision = await changes.next_revision(connection)
            changed = change_product(product, revised, self._clock.now(), revision=revision)
            await PRODUCTS.replace_all(connection, [changed])
            await self._outbox.put_all(connection, [announcement(Happening("updated", changed))])
            return changed
