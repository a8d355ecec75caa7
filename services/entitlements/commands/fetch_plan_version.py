"""Makes sure that a published plan version is here: fetched from the catalog once, and kept for ever."""

from entitlements.clients.catalog import CatalogClient
from entitlements.commands.apply_features import ApplyFeatures
from entitlements.domain.plan import Carried
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
            text = f"The catalog does not know version {version} of the plan {plan_id}."
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", text)
        message, carried = fetched
        plan = plan_version_from_proto(message)
        await self._apply_features(plan.features)
        async with self._database.write() as connection:
            await plan_versions.put(connection, message)
        return carried
