"""Finds a feature: here, or, where its event has not arrived yet, with its owner."""

from collections.abc import Iterable

from kit.db import Database
from metering.clients.catalog import Catalog
from metering.commands.store_feature import StoreFeature
from metering.domain.feature import Feature, unknown_feature
from metering.store import features


class FindFeature:
    """What metering keeps of a feature never changes, so it is read once; as many as the catalog has."""

    def __init__(self, database: Database, catalog: Catalog, store: StoreFeature) -> None:
        self._database = database
        self._catalog = catalog
        self._store = store
        self._known: dict[str, Feature] = {}

    async def __call__(self, feature_id: str) -> Feature:
        """The feature.

        Raises:
            TollkeeperError: `FEATURE_NOT_FOUND`: the catalog does not know it either; `DEPENDENCY_UNAVAILABLE`: it is not
                known here, and the catalog is away.
        """
        known = self._known.get(feature_id)
        if known is not None:
            return known
        async with self._database.read() as connection:
            feature = await features.get(connection, feature_id)
        if feature is None:
            feature = await self._catalog.get_feature(feature_id)
            if feature is None:
                raise unknown_feature(feature_id)
            await self._store(feature)
        self._known[feature_id] = feature
        return feature

    async def all(self, feature_ids: Iterable[str]) -> dict[str, Feature]:
        """Several features by their ids; raises for the first that there is not."""
        return {feature_id: await self(feature_id) for feature_id in sorted(set(feature_ids))}
