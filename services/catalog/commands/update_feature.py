"""Changes a feature."""

from collections.abc import Sequence

from catalog.domain.catalog_application import Happening
from catalog.domain.errors import feature_not_found
from catalog.domain.feature import Feature, FeatureSpec, change_feature
from catalog.domain.feature_update import revise_feature
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.features import FEATURES
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox


class UpdateFeature:
    """Changes a feature and announces it; where nothing differs, nothing happens."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: FeatureSpec, paths: Sequence[str]) -> Feature:
        """The feature as changed.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `FEATURE_NOT_FOUND`; `FEATURE_IMMUTABLE_FIELD`.
        """
        check_id(spec.id, "feature.id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            feature = await FEATURES.get(connection, spec.id, lock=True)
            if feature is None:
                raise feature_not_found(spec.id)
            revised = revise_feature(feature, spec, paths)
            if revised == feature.spec:
                return feature
            revision = await changes.next_revision(connection)
            changed = change_feature(feature, revised, self._clock.now(), revision=revision)
            await FEATURES.replace_all(connection, [changed])
            await self._outbox.put_all(connection, [announcement(Happening("updated", changed))])
            return changed
