"""Stores a subscription as billing tells of it, only if that is newer, and tells every replica after the commit.

Before that its plan version is here and its trackers are registered: whoever reads the subscription can decide at once.
"""

from entitlements.clients.catalog import CatalogClient
from entitlements.clients.metering import MeteringClient
from entitlements.commands.apply_features import ApplyFeatures
from entitlements.domain.control import trackers_of
from entitlements.domain.customer import Subscription
from entitlements.domain.entitlement import resolve
from entitlements.domain.plan import PlanVersion
from entitlements.messages.plan import plan_version_from_proto
from entitlements.store import plan_versions, subscriptions
from entitlements.store.notices import NoticeKind, announce
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database


class ApplySubscription:
    """Stores a subscription."""

    def __init__(
        self, database: Database, features: ApplyFeatures, *, catalog: CatalogClient, metering: MeteringClient
    ) -> None:
        self._database = database
        self._features = features
        self._catalog = catalog
        self._metering = metering

    async def __call__(self, subscription: Subscription) -> None:
        """Stores it if it is newer.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the catalog or metering is away; nothing was stored.
        """
        async with self._database.read() as connection:
            known = await subscriptions.get(connection, subscription.id)
        if known is not None and known.revision >= subscription.revision:
            return
        if known is None or known.terms != subscription.terms:
            plan = await self._plan_version(subscription.plan_id, subscription.plan_version)
            await self._metering.register(trackers_of(subscription.customer_id, resolve(subscription, plan)))
        async with self._database.write() as connection:
            if await subscriptions.put(connection, subscription):
                await announce(connection, NoticeKind.CUSTOMER, subscription.customer_id)

    async def _plan_version(self, plan_id: str, version: int) -> PlanVersion:
        key = (plan_id, version)
        async with self._database.read() as connection:
            stored = (await plan_versions.read(connection, [key])).get(key)
        if stored is not None:
            return stored
        message = await self._catalog.get_plan_version(plan_id, version)
        if message is None:
            # Billing sold it, so it exists: the catalog must be mended before anything can be said of it.
            text = f"The catalog does not know version {version} of the plan {plan_id}."
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", text)
        plan = plan_version_from_proto(message)
        await self._features(plan.features)
        async with self._database.write() as connection:
            await plan_versions.put(connection, message)
        return plan
