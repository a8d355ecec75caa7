"""Changes a plan or an add-on, besides its content."""

from collections.abc import Sequence
from typing import Any, Generic

from catalog.domain.catalog_application import Happening
from catalog.domain.errors import offering_not_found
from catalog.domain.names_update import revise_offering
from catalog.domain.offering import O, OfferingSpec, change_offering, check_etag
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.offerings import Offerings
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox


class UpdateOffering(Generic[O]):
    """Changes a plan or an add-on and announces it; where nothing differs, nothing happens."""

    def __init__(self, offerings: Offerings[O, Any, Any], database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._offerings = offerings
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: OfferingSpec, paths: Sequence[str], *, etag: str) -> O:
        """The plan or add-on as changed.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`, `ADD_ON_NOT_FOUND`; `ETAG_MISMATCH`;
                `PLAN_IMMUTABLE_FIELD`, `ADD_ON_IMMUTABLE_FIELD`.
        """
        kind = self._offerings.kind
        check_id(spec.id, f"{kind.field}.id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            offering = await self._offerings.get(connection, spec.id, lock=True)
            if offering is None:
                raise offering_not_found(kind, spec.id)
            revised = revise_offering(offering, spec, paths)
            check_etag(offering, etag)
            if revised == offering.spec:
                return offering
            revision = await changes.next_revision(connection)
            changed = change_offering(offering, revised, self._clock.now(), revision=revision)
            await self._offerings.replace_all(connection, [changed])
            await self._outbox.put_all(connection, [announcement(Happening("updated", changed))])
            return changed
