"""Everything about customers but their usage, read in one snapshot."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.control import Control, Revisions
from entitlements.domain.customer import Subscription
from entitlements.domain.entitlement import resolve
from entitlements.domain.plan import PlanVersion
from entitlements.store import customers, features, plan_versions, subscriptions
from kit.db import Database

# Plan versions kept resolved in memory: more than a vendor sells at a time; a version of 500 features takes about 200 KB.
MAX_PLANS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Known:
    """What the own database knows of a customer.

    Attributes:
        complete: Whether all its subscriptions are known, and its test clock where it has one.
    """

    control: Control
    complete: bool


class ControlStore:
    """Reads what is known of customers, and keeps the plan versions it met: they never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plans: OrderedDict[tuple[str, int], PlanVersion] = OrderedDict()

    async def __call__(self, customer_ids: Sequence[str]) -> Mapping[str, Known]:
        """What is known of these customers, as of one snapshot; customers that are not known are left out."""
        async with self._database.read() as connection:
            found = await customers.read(connection, customer_ids)
            clock_ids = {customer.test_clock_id for customer, _ in found.values()} - {""}
            clocks = await customers.read_clocks(connection, sorted(clock_ids)) if clock_ids else {}
            held = await subscriptions.read_open(connection, list(found))
            revisions = await subscriptions.read_revisions(connection, list(found))
            plans = await self._plans_of(connection, held)
            feature_ids = {feature_id for plan in plans.values() for feature_id, _ in plan.grants}
            known = await features.read(connection, sorted(feature_ids)) if feature_ids else {}
        described = {feature.id: feature for plan in plans.values() for feature in plan.features} | dict(known)
        return {
            customer.id: Known(
                Control(
                    customer,
                    clocks.get(customer.test_clock_id),
                    tuple(
                        (subscription, resolve(subscription, plans[subscription.plan_id, subscription.plan_version]))
                        for subscription in held.get(customer.id, ())
                    ),
                    revisions.get(customer.id, 0),
                    described,
                ),
                complete and (not customer.test_clock_id or customer.test_clock_id in clocks),
            )
            for customer, complete in found.values()
        }

    async def revisions(self, customer_ids: Sequence[str]) -> Mapping[str, Revisions]:
        """The revisions of these customers; customers that are not known are left out."""
        async with self._database.read() as connection:
            found = await customers.read(connection, customer_ids)
            clock_ids = {customer.test_clock_id for customer, _ in found.values()} - {""}
            clocks = await customers.read_clocks(connection, sorted(clock_ids)) if clock_ids else {}
            newest = await subscriptions.read_revisions(connection, list(found))
        return {
            customer.id: (
                customer.revision,
                newest.get(customer.id, 0),
                clocks[customer.test_clock_id].revision if customer.test_clock_id in clocks else 0,
            )
            for customer, _ in found.values()
        }

    async def _plans_of(
        self, connection: AsyncConnection, held: Mapping[str, Sequence[Subscription]]
    ) -> Mapping[tuple[str, int], PlanVersion]:
        keys = {(subscription.plan_id, subscription.plan_version) for some in held.values() for subscription in some}
        missing = keys - self._plans.keys()
        fetched = await plan_versions.read(connection, missing) if missing else {}
        plans = {key: fetched[key] if key in fetched else self._plans[key] for key in keys}
        for key, plan in plans.items():
            self._plans[key] = plan
            self._plans.move_to_end(key)
        while len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)
        return plans
