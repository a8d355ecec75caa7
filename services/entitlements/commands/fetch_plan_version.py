"""Makes sure that a published plan version is here: fetched from the catalog once, and kept for ever."""

from entitlements.clients.catalog import CatalogClient
from entitlements.commands.apply_features import ApplyFeatures
from entitlements.domain.feature import Feature
from entitlements.domain.plan import Carried, PlanVersion
from entitlements.messages.plan import plan_version_from_proto
from entitlements.store import plan_versions
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database


class FetchPlanVersion:
    """Fetches what is not here."""

    def __init__(self, database: Database, catalog: CatalogClient, *, apply_features: ApplyFeatures) -> None:
        self._database = database
        self._catalog = catalog
        self._apply_features = apply_features

    async def __call__(self, plan_id: str, version: int) -> Carried | None:
        """Where it had to be fetched: which version is carried, as the catalog told with it.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: it is not here, and the catalog cannot tell it; nothing was stored.
            ValueError: It grants something in a way that this version does not know.
        """
        key = (plan_id, version)
        async with self._database.read() as connection:
            if await plan_versions.is_stored(connection, key):
                return None
        fetched = await self._catalog.get_plan_version(plan_id, version)
        if fetched is None:
            # Somebody sold or carried it, so it exists: the catalog must be mended before anything can be said of it.
            raise _missing(f"version {version} of the plan {plan_id}")
        message, carried = fetched
        plan = plan_version_from_proto(message)
        await self._apply_features([*plan.features, *await self._undescribed(plan)])
        async with self._database.write() as connection:
            await plan_versions.put(connection, message)
        return carried

    async def _undescribed(self, plan: PlanVersion) -> list[Feature]:
        """The features that it grants without describing them, such as inherited ones."""
        found = []
        for feature_id in sorted(plan.feature_ids() - {feature.id for feature in plan.features}):
            feature = await self._catalog.get_feature(feature_id)
            if feature is None:
                raise _missing(f"the feature {feature_id} of the plan {plan.plan_id}")
            found.append(feature)
        return found


def _missing(thing: str) -> TollkeeperError:
    return TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", f"The catalog does not know {thing}.")
