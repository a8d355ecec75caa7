"""Finds a feature: in memory, in the own database, and from the catalog before anybody is told that there is none."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from entitlements.clients.catalog import CatalogClient
from entitlements.commands.apply_features import ApplyFeatures
from entitlements.commands.shared_runs import SharedRuns
from entitlements.domain.feature import Feature
from entitlements.store import features
from kernel.clock import Clock
from kernel.errors import not_found
from kit.db import Database

# Features in memory: more than a catalog may hold in one document, by ten.
MAX_FEATURES: Final = 10_000
# How long the catalog's "there is none" is believed; a feature's event ends it sooner.
ABSENCE: Final = timedelta(seconds=5)


class FindFeature:
    """Finds features, and remembers them."""

    def __init__(
        self, database: Database, catalog: CatalogClient, *, apply_features: ApplyFeatures, clock: Clock
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._apply_features = apply_features
        self._clock = clock
        self._known: OrderedDict[str, Feature] = OrderedDict()
        self._absent: OrderedDict[str, datetime] = OrderedDict()
        self._finding: set[str] = set()
        self._runs: SharedRuns[Feature | None] = SharedRuns()

    async def close(self) -> None:
        """Ends what is being looked for."""
        await self._runs.close()

    async def __call__(self, feature_id: str) -> Feature | None:
        """The feature, or None where there was none a moment ago.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: it is not known here, and the catalog cannot be asked.
        """
        feature = self._known.get(feature_id)
        if feature is not None:
            return feature
        until = self._absent.get(feature_id)
        if until is not None and self._clock.now() < until:
            return None
        return await self._runs.joined(feature_id, lambda: self._find(feature_id))

    async def surely(self, feature_id: str) -> Feature | None:
        """The feature, or None where the catalog has none now; raises as the call does."""
        return self._known.get(feature_id) or await self._runs.fresh(feature_id, lambda: self._find(feature_id))

    async def existing(self, feature_id: str) -> Feature:
        """The feature.

        Raises:
            TollkeeperError: `FEATURE_NOT_FOUND`: the catalog has none now; and as the call does.
        """
        feature = await self.surely(feature_id)
        if feature is None:
            message = f"No feature has the id {feature_id}. Create it in the catalog first."
            raise not_found("FEATURE_NOT_FOUND", message, feature_id=feature_id)
        return feature

    async def anew(self, feature_id: str) -> Feature:
        """The feature as the catalog has it now; raises as `existing` does."""
        feature = await self._catalog.get_feature(feature_id)
        if feature is not None:
            await self._apply_features([feature])
            self._remember(feature)
        return await self.existing(feature_id)

    async def forget(self, feature_id: str) -> Feature | None:
        """Reads the feature again after it changed; what the own database holds."""
        self._finding.discard(feature_id)
        self._absent.pop(feature_id, None)
        async with self._database.read() as connection:
            feature = (await features.read(connection, [feature_id])).get(feature_id)
        if feature is not None:
            self._remember(feature)
        return feature

    def forget_all(self) -> None:
        """Forgets everything: some change may have been missed."""
        self._finding.clear()
        self._known.clear()
        self._absent.clear()

    async def _find(self, feature_id: str) -> Feature | None:
        self._finding.add(feature_id)
        async with self._database.read() as connection:
            feature = (await features.read(connection, [feature_id])).get(feature_id)
        if feature is None:
            feature = await self._catalog.get_feature(feature_id)
            if feature is not None:
                await self._apply_features([feature])
        if feature is not None:
            self._remember(feature)
            return feature
        if feature_id in self._finding:
            # No event of it came meanwhile.
            self._finding.discard(feature_id)
            self._note_absent(feature_id)
        return None

    def _note_absent(self, feature_id: str) -> None:
        self._absent[feature_id] = self._clock.now() + ABSENCE
        self._absent.move_to_end(feature_id)
        if len(self._absent) > MAX_FEATURES:
            self._absent.popitem(last=False)

    def _remember(self, feature: Feature) -> None:
        known = self._known.get(feature.id)
        if known is None or known.revision < feature.revision:
            self._known[feature.id] = feature
        self._known.move_to_end(feature.id)
        self._finding.discard(feature.id)
        self._absent.pop(feature.id, None)
        if len(self._known) > MAX_FEATURES:
            self._known.popitem(last=False)
