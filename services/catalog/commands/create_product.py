"""Makes a product."""

from catalog.domain.errors import id_taken
from catalog.domain.product import Product, ProductSpec, check_product, create_product, settle_product
from catalog.messages.product import product_to_proto
from catalog.store import changes, products
from kernel.clock import Clock
from kernel.errors import Mistakes
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.catalog.v1 import catalog_events_pb2


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
            if not await products.add(connection, product):
                existing = await products.get(connection, spec.id)
                if existing is None or existing.spec != spec:
                    raise id_taken("product", spec.id)
                return existing
            event = catalog_events_pb2.ProductCreated(product=product_to_proto(product))
            await self._outbox.put(connection, "product", "created", id=product.id, event=event)
            return product
