"""Stores which version's entitlements reach the subscriptions of a plan's older versions, only if that is newer, and tells every
replica after the commit. One row moves, whatever the number of customers: each replica resolves those that it holds again.
"""

from entitlements.commands.fetch_plan_version import FetchPlanVersion
from entitlements.domain.plan import Carried
from entitlements.store import plans
from entitlements.store.notices import NoticeKind, announce
from kit.db import Database


class ApplyPlan:
    """Stores what is carried."""

    def __init__(self, database: Database, fetch: FetchPlanVersion) -> None:
        self._database = database
        self._fetch = fetch

    async def __call__(self, carried: Carried) -> None:
        """Stores it if it is newer. Before that the carried version is here: whoever reads the row can resolve at once.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the catalog is away; nothing was stored.
            ValueError: The carried version grants something in a way that this version does not know.
        """
        if carried.version > 0:
            await self._fetch(carried.plan_id, carried.version)
        async with self._database.write() as connection:
            if await plans.put(connection, carried):
                await announce(connection, NoticeKind.PLAN, carried.plan_id)
