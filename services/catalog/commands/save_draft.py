"""Opens a draft of a plan or an add-on, or replaces its content."""

import asyncio
from typing import Generic

from catalog.domain.content_rules import check_content, settle_content
from catalog.domain.errors import offering_not_found
from catalog.domain.mistakes import BoundedMistakes
from catalog.domain.offering import O, V, check_etag, draft_of, save_draft
from catalog.domain.surroundings import Owner, check_in_use
from catalog.store import changes
from catalog.store.offerings import C, Offerings
from catalog.store.reach import surroundings
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database


class SaveDraft(Generic[O, C, V]):
    """Opens a draft, or replaces the content of the open one."""

    def __init__(self, offerings: Offerings[O, C, V], database: Database, *, clock: Clock) -> None:
        self._offerings = offerings
        self._database = database
        self._clock = clock

    async def __call__(self, id: str, content: C, *, etag: str) -> V:
        """The draft as saved.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`, `ADD_ON_NOT_FOUND`; `ETAG_MISMATCH`.
        """
        offerings, mistakes = self._offerings, BoundedMistakes()
        mistakes.attempt(check_id, id, f"{offerings.kind.field}_id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            offering = await offerings.get(connection, id, lock=True)
            # Loops are looked for over what others are about to become, too.
            around = await surroundings(connection, content, drafts=True)
            owner = Owner(id, "" if offering is None else offering.product_id)
            # In a thread: a content may be megabytes, and other calls go on meanwhile.
            await asyncio.to_thread(check_content, content, around, owner, path="content", mistakes=mistakes)
            check_in_use(content, around, path="content", mistakes=mistakes)
            mistakes.check()
            if offering is None:
                raise offering_not_found(offerings.kind, id)
            check_etag(offering, etag)
            settled = await asyncio.to_thread(settle_content, content, around)
            if await offerings.get_draft(connection, id) == settled:
                return draft_of(offerings.make_version, offering, settled)
            revision = await changes.next_revision(connection)
            changed = save_draft(offering, self._clock.now(), revision=revision)
            await offerings.replace_all(connection, [changed])
            await offerings.put_draft(connection, id, settled)
            return draft_of(offerings.make_version, changed, settled)
