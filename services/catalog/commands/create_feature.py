"""Makes a feature."""

from catalog.domain.catalog_application import Happening
from catalog.domain.errors import id_taken
from catalog.domain.feature import Feature, FeatureSpec, create_feature, same_feature, settle_feature
from catalog.domain.feature_rules import check_feature
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.features import FEATURES
from kernel.clock import Clock
from kernel.errors import Mistakes
from kit.db import Database
from kit.outbox import Outbox


class CreateFeature:
    """Makes a feature and announces it; an equal one is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: FeatureSpec) -> Feature:
        """The feature as made.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `ID_TAKEN` by a different feature.
        """
        mistakes = Mistakes()
        check_feature(spec, "feature", mistakes)
        mistakes.check()
        spec = settle_feature(spec)
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            feature = create_feature(spec, self._clock.now(), revision=await changes.next_revision(connection))
            if not await FEATURES.add(connection, feature):
                existing = await FEATURES.get(connection, spec.id)
                if existing is None or not same_feature(existing.spec, spec):
                    raise id_taken("feature", spec.id)
                return existing
            await self._outbox.put_all(connection, [announcement(Happening("created", feature))])
            return feature
