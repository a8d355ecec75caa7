"""Everything about customers but their usage, read in one snapshot."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.control import Control, Given, Offers, Revisions
from entitlements.domain.customer import Customer, TestClock
from entitlements.domain.plan import Carried, PlanVersion
from entitlements.domain.subscription import PlanKey
from entitlements.store import customers, features, given, plan_versions, plans, subscriptions
from kernel.clock import Clock
from kit.db import Database

# Plan versions kept in memory: more than a vendor sells at a time; a version of 500 features takes about 200 KB.
MAX_PLANS: Final = 1_000

_NOTHING: Final = Given()


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

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._plans: OrderedDict[PlanKey, PlanVersion] = OrderedDict()

    async def __call__(self, customer_ids: Sequence[str]) -> Mapping[str, Known]:
        """What is known of these customers, as of one snapshot; customers that are not known are left out."""
        async with self._database.read() as connection:
            found = await customers.read(connection, customer_ids)
            clock_ids = {customer.test_clock_id for customer, _ in found.values()} - {""}
            clocks = await customers.read_clocks(connection, sorted(clock_ids)) if clock_ids else {}
            held = await subscriptions.read_open(connection, list(found))
            mine = await given.read(connection, self._times(found.values(), clocks))
            keys = {key for some in held.values() for subscription in some for key in subscription.plan_keys}
            offers = await self._offers(connection, keys)
        return {
            customer.id: Known(
                offers.control(
                    customer,
                    clocks.get(customer.test_clock_id),
                    held.get(customer.id, ()),
                    given=mine.get(customer.id, _NOTHING),
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
            newest = await given.revisions(connection, list(found))
        return {
            customer.id: (
                customer.revision,
                newest.get(customer.id, 0),
                clocks[customer.test_clock_id].revision if customer.test_clock_id in clocks else 0,
            )
            for customer, _ in found.values()
        }

    async def carried(self, plan_ids: Collection[str]) -> Mapping[str, int]:
        """How far what is carried to these plans has come; plans that carry nothing are left out."""
        async with self._database.read() as connection:
            return _changes(await plans.read(connection, plan_ids))

    async def offers(self, keys: Collection[PlanKey], *, customer_ids: Sequence[str] = ()) -> Offers:
        """What these plan versions grant now, and how far these customers have come, as of one snapshot; versions that are not stored
        are left out.
        """
        async with self._database.read() as connection:
            offers = await self._offers(connection, keys)
            return (
                replace(offers, revisions=await given.revisions(connection, customer_ids)) if customer_ids else offers
            )

    def _times(self, found: Iterable[tuple[Customer, bool]], clocks: Mapping[str, TestClock]) -> Mapping[str, datetime]:
        """What time it is for each of these customers."""
        real = self._clock.now()
        return {
            customer.id: clocks[customer.test_clock_id].time if customer.test_clock_id in clocks else real
            for customer, _ in found
        }

    async def _offers(self, connection: AsyncConnection, keys: Collection[PlanKey]) -> Offers:
        if not keys:
            return Offers({}, {}, {})
        carried = await plans.read(connection, {plan_id for plan_id, _ in keys})
        newer = {
            (plan_id, version): (plan_id, carried[plan_id].version)
            for plan_id, version in keys
            if plan_id in carried and carried[plan_id].version > version
        }
        versions = await self._versions(connection, {*keys, *newer.values()})
        offered = {
            key: versions[key].carrying(versions[newer[key]]) if key in newer else versions[key]
            for key in keys
            if key in versions
        }
        feature_ids = {feature_id for plan in offered.values() for feature_id in plan.feature_ids()}
        known = await features.read(connection, sorted(feature_ids)) if feature_ids else {}
        described = {feature.id: feature for plan in offered.values() for feature in plan.features}
        return Offers(offered, _changes(carried), described | dict(known))

    async def _versions(self, connection: AsyncConnection, keys: Collection[PlanKey]) -> Mapping[PlanKey, PlanVersion]:
        missing = [key for key in keys if key not in self._plans]
        fetched = await plan_versions.read(connection, missing) if missing else {}
        found = {key: self._plans[key] for key in keys if key in self._plans} | dict(fetched)
        for key, plan in found.items():
            self._plans[key] = plan
            self._plans.move_to_end(key)
        while len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)
        return found


def _changes(carried: Mapping[str, Carried]) -> Mapping[str, int]:
    return {plan_id: each.change for plan_id, each in carried.items() if each.version > 0}
