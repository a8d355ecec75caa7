"""Freezes an add-on's draft as its next version."""

from catalog.commands.open_draft import open_draft
from catalog.domain.add_on import AddOnVersion
from catalog.domain.catalog_application import Happening
from catalog.domain.offering import next_version, publish
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.add_ons import ADD_ONS
from catalog.store.features import FEATURES
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox


class PublishAddOn:
    """Freezes the open draft as the next version and announces it."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, add_on_id: str, *, etag: str) -> AddOnVersion:
        """The version as published. Of two at once, one finds no draft any more.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `ADD_ON_NOT_FOUND`; `ETAG_MISMATCH`; `DRAFT_NOT_OPEN`; `NOT_PUBLISHED`.
        """
        check_id(add_on_id, "add_on_id")
        async with self._database.write() as connection:
            await changes.lock_catalog(connection)
            add_on, content = await open_draft(connection, ADD_ONS, add_on_id, etag=etag)
            features, now = await FEATURES.get_all(connection, content.feature_ids), self._clock.now()
            version = next_version(AddOnVersion, add_on, content, features, now=now)
            published = publish(add_on, version, now, revision=await changes.next_revision(connection))
            await ADD_ONS.replace_all(connection, [published])
            await ADD_ONS.delete_draft(connection, add_on_id)
            await ADD_ONS.add_versions(connection, [version])
            await self._outbox.put_all(connection, [announcement(Happening("published", published))])
            return version
