"""Makes a plan or an add-on."""

from typing import Any, Generic

from catalog.domain.catalog_application import Happening
from catalog.domain.errors import id_taken, product_not_found
from catalog.domain.offering import O, OfferingSpec, check_offering, create_offering, settle_offering
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.offerings import Offerings
from catalog.store.products import PRODUCTS
from kernel.clock import Clock
from kernel.errors import Mistakes
from kit.db import Database
from kit.outbox import Outbox


class CreateOffering(Generic[O]):
    """Makes a plan or an add-on without any version and announces it; an equal one is answered as it is."""

    def __init__(self, offerings: Offerings[O, Any, Any], database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._offerings = offerings
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: OfferingSpec) -> O:
        """The plan or add-on as made.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PRODUCT_NOT_FOUND`; `ID_TAKEN` by a different one.
        """
        offerings, mistakes = self._offerings, Mistakes()
        check_offering(spec, offerings.kind.field, mistakes)
        mistakes.check()
        spec = settle_offering(spec)
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            if await PRODUCTS.get(connection, spec.product_id) is None:
                raise product_not_found(spec.product_id)
            revision = await changes.next_revision(connection)
            offering = create_offering(offerings.make, spec, self._clock.now(), revision=revision)
            if not await offerings.add(connection, offering):
                existing = await offerings.get(connection, spec.id)
                if existing is None or existing.spec != spec:
                    raise id_taken(offerings.kind.word, spec.id)
                return existing
            await self._outbox.put_all(connection, [announcement(Happening("created", offering))])
            return offering
