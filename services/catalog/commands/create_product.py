"""Makes a product."""

from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database
from kit.outbox import Outbox

from catalog.messages.product import product_to_proto
from catalog.domain.product import Product, ProductSpec, check_product, create_product
from catalog.store import products
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
        check_product(spec, "product")
        async with self._database.write() as connection:
            existing = await products.get(connection, spec.id, lock=True)
            if existing is not None:
                return _same(existing, spec)
            product = create_product(spec, self._clock.now(), revision=await products.next_revision(connection))
            await products.add(connection, product)
            event = catalog_events_pb2.ProductCreated(product=product_to_proto(product))
            await self._outbox.put(connection, "product", "created", id=product.id, event=event)
            return product


def _same(existing: Product, spec: ProductSpec) -> Product:
    if existing.spec == spec:
        return existing
    raise TollkeeperError(
        ErrorKind.ALREADY_EXISTS,
        "ID_TAKEN",
        f"A different product has the id {spec.id}. Update that one, or choose another id.",
        metadata={"id": spec.id},
    )
