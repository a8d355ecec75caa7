"""Throws the open draft of a plan or an add-on away."""

from typing import Any

from catalog.domain.errors import offering_not_found
from catalog.domain.offering import discard_draft
from catalog.store import changes
from catalog.store.offerings import Offerings
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database


class DiscardDraft:
    """Throws the open draft away."""

    def __init__(self, offerings: Offerings[Any, Any, Any], database: Database, *, clock: Clock) -> None:
        self._offerings = offerings
        self._database = database
        self._clock = clock

    async def __call__(self, id: str) -> None:
        """The draft is gone.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`, `ADD_ON_NOT_FOUND`; `DRAFT_NOT_OPEN`.
        """
        kind = self._offerings.kind
        check_id(id, f"{kind.field}_id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            offering = await self._offerings.get(connection, id, lock=True)
            if offering is None:
                raise offering_not_found(kind, id)
            revision = await changes.next_revision(connection)
            discarded = discard_draft(offering, self._clock.now(), revision=revision)
            await self._offerings.replace_all(connection, [discarded])
            await self._offerings.delete_draft(connection, id)
