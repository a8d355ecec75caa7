"""Stores a subscription as billing tells of it, only if that is newer, and tells every replica after the commit.

Before that its plan versions are here and its trackers are registered, those too of what is scheduled: whoever reads the
subscription can decide at once, and goes on deciding when the time of the change comes.
"""

from entitlements.clients.metering import MeteringClient
from entitlements.commands.apply_plan import ApplyPlan
from entitlements.commands.fetch_plan_version import FetchPlanVersion
from entitlements.domain.control import trackers_of
from entitlements.domain.entitlement import resolve
from entitlements.domain.subscription import Subscription
from entitlements.store import changes, subscriptions
from entitlements.store.control import ControlStore
from entitlements.store.notices import NoticeKind, announce
from kit.db import Database


class ApplySubscription:
    """Stores a subscription."""

    def __init__(
        self,
        database: Database,
        control: ControlStore,
        *,
        fetch: FetchPlanVersion,
        apply_plan: ApplyPlan,
        metering: MeteringClient,
    ) -> None:
        self._database = database
        self._control = control
        self._fetch = fetch
        self._apply_plan = apply_plan
        self._metering = metering

    async def __call__(self, subscription: Subscription) -> None:
        """Stores it if it is newer.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the catalog or metering is away; nothing was stored.
            ValueError: It holds something that this version does not understand.
        """
        async with self._database.read() as connection:
            known = await subscriptions.get(connection, subscription.id)
        if known is not None and known.revision >= subscription.revision:
            return
        if known is None or known.counting != subscription.counting:
            for plan_id, version in subscription.plan_keys:
                carried = await self._fetch(plan_id, version)
                if carried is not None:
                    await self._apply_plan(carried)
            offers = await self._control.offers(subscription.plan_keys)
            entitlements = resolve(subscription, offers.plans)
            await self._metering.register(trackers_of(subscription.customer_id, entitlements))
        async with self._database.write() as connection:
            await changes.lock_customer(connection, subscription.customer_id)
            if await subscriptions.put(connection, subscription):
                await changes.change_customer(connection, subscription.customer_id, given=False)
                await announce(connection, NoticeKind.CUSTOMER, subscription.customer_id)
