"""Makes a product."""

from catalog.domain.catalog_application import Happening
from catalog.domain.errors import id_taken
from catalog.domain.product import Product, ProductSpec, check_product, create_product, settle_product
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.products import PRODUCTS
from kernel.clock import Clock
from kernel.errors import Mistakes
from kit.db import Database
from kit.outbox import Outbox


class CreateProduct:
    """Makes a product and announces it; an equal one is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: ProductSpec) -> Product:
        """The product as made.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `ID_TAKEN` by a different product.
        """
        mistakes = Mistakes()
        check_product(spec, "product", mistakes)
        mistakes.check()
        spec = settle_product(spec)
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            product = create_product(spec, self._clock.now(), revision=await changes.next_revision(connection))
            if not await PRODUCTS.add(connection, product):
                existing = await PRODUCTS.get(connection, spec.id)
                if existing is None or existing.spec != spec:
                    raise id_taken("product", spec.id)
                return existing
            await self._outbox.put_all(connection, [announcement(Happening("created", product))])
            return product
