"""Makes the catalog equal to a document, or only tells how they differ.

A document may be megabytes of prices: what is computed over the whole of it runs in a thread, so that other calls go on.
"""

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.carry_out import REVISIONS_PER_THING, carry_out
from catalog.domain.catalog_application import Application
from catalog.domain.catalog_diff import ResourceChange, ResourceType
from catalog.domain.catalog_document import CatalogDocument, HeldCatalog, settle_document
from catalog.domain.document_rules import check_document
from catalog.domain.mistakes import BoundedMistakes
from catalog.domain.offering_kind import OfferingKind
from catalog.domain.plan import PlanVersion
from catalog.messages.events import announcement
from catalog.messages.plan import check_version_size
from catalog.store import changes as order
from catalog.store.add_ons import ADD_ONS
from catalog.store.coupons import COUPONS
from catalog.store.features import FEATURES
from catalog.store.plans import PLANS
from catalog.store.products import PRODUCTS
from catalog.store.reach import reach
from catalog.store.shelf import Shelf
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox

# A person reads no longer list; a catalog may hold any number.
MAX_UNLISTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """How a document differs from the catalog.

    Attributes:
        changes: One for each thing of the document.
        plan_versions: Those that were, or would be, published, in the document's order.
        unlisted: The first ids of what the catalog holds and the document does not name.
        unlisted_count: How many of them there are.
    """

    changes: Sequence[ResourceChange]
    plan_versions: Sequence[PlanVersion]
    unlisted: Mapping[ResourceType, Sequence[str]]
    unlisted_count: int


class ApplyCatalog:
    """Compares a document with the catalog, applies it in one transaction, and publishes what changed."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def compare(self, document: CatalogDocument) -> Difference:
        """What applying would change; nothing does.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `DRAFT_OPEN`.
        """
        async with self._database.read() as connection:
            held = await _held(connection, document, lock=False)
            # Nobody sees these revisions.
            application = await asyncio.to_thread(_apply, document, held, self._clock.now(), itertools.repeat(0))
            return await _difference(connection, document, application)

    async def __call__(self, document: CatalogDocument, *, carry: bool) -> Difference:
        """What was changed: all of it, or nothing.

        With `carry`, the entitlements of the plan versions published reach the subscriptions of older ones.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `DRAFT_OPEN`.
        """
        async with self._database.write() as connection:
            await order.lock_catalog(connection)
            held = await _held(connection, document, lock=True)
            revisions = await order.next_revisions(connection, REVISIONS_PER_THING * document.size)
            application = await asyncio.to_thread(_apply, document, held, self._clock.now(), revisions, carry=carry)
            await _store(connection, application)
            await self._outbox.put_all(connection, [announcement(each) for each in application.happenings])
            return await _difference(connection, document, application)


def _apply(
    document: CatalogDocument, held: HeldCatalog, now: datetime, revisions: Iterator[int], *, carry: bool = False
) -> Application:
    check_document(document, held)
    settled = settle_document(document, held)
    application = carry_out(settled, held, now=now, revisions=revisions, carry=carry)
    numbers, mistakes = {each.spec.id: number for number, each in enumerate(document.plans)}, BoundedMistakes()
    for version in application.plan_versions:
        check_version_size(version, f"plans[{numbers[version.id]}].content", mistakes)
    mistakes.check()
    return application


async def _held(connection: AsyncConnection, document: CatalogDocument, *, lock: bool) -> HeldCatalog:
    if lock:
        # In the order of the kinds, then of the ids.
        await ADD_ONS.get_all(connection, [each.spec.id for each in document.add_ons], lock=True)
        await PLANS.get_all(connection, [each.spec.id for each in document.plans], lock=True)
    add_ons = await reach(connection, ADD_ONS, document.offering_ids(OfferingKind.ADD_ON))
    plans = await reach(connection, PLANS, document.offering_ids(OfferingKind.PLAN))
    named = set(document.feature_ids)
    named |= {feature_id for each in add_ons.versions.values() for feature_id in each.content.feature_ids}
    named |= {each.feature_id for version in plans.versions.values() for each in version.effective_entitlements}
    return HeldCatalog(
        features=await FEATURES.get_all(connection, named),
        products=await PRODUCTS.get_all(connection, document.product_ids),
        add_ons=add_ons.offerings,
        add_on_versions=add_ons.versions,
        plans=plans.offerings,
        plan_versions=plans.versions,
        coupons=await COUPONS.get_all(connection, [coupon.id for coupon in document.coupons]),
    )


async def _difference(connection: AsyncConnection, document: CatalogDocument, done: Application) -> Difference:
    listed: list[tuple[ResourceType, Shelf[Any], set[str]]] = [
        (ResourceType.FEATURE, FEATURES, {feature.id for feature in document.features}),
        (ResourceType.PRODUCT, PRODUCTS, {product.id for product in document.products}),
        (ResourceType.ADD_ON, ADD_ONS, {each.spec.id for each in document.add_ons}),
        (ResourceType.PLAN, PLANS, {each.spec.id for each in document.plans}),
        (ResourceType.COUPON, COUPONS, {coupon.id for coupon in document.coupons}),
    ]
    unlisted: dict[ResourceType, Sequence[str]] = {}
    count, room = 0, MAX_UNLISTED
    for resource, shelf, ids in listed:
        count += await shelf.count_except(connection, ids)
        unlisted[resource] = await shelf.ids_except(connection, ids, limit=room)
        room -= len(unlisted[resource])
    return Difference(done.changes, done.plan_versions, unlisted, count)


async def _store(connection: AsyncConnection, done: Application) -> None:
    await FEATURES.add_all(connection, done.features.new)
    await FEATURES.replace_all(connection, done.features.changed)
    await PRODUCTS.add_all(connection, done.products.new)
    await PRODUCTS.replace_all(connection, done.products.changed)
    await ADD_ONS.add_all(connection, done.add_ons.new)
    await ADD_ONS.replace_all(connection, done.add_ons.changed)
    await ADD_ONS.add_versions(connection, done.add_on_versions)
    await PLANS.add_all(connection, done.plans.new)
    await PLANS.replace_all(connection, done.plans.changed)
    await PLANS.add_versions(connection, done.plan_versions)
    await COUPONS.add_all(connection, done.coupons.new)
    await COUPONS.replace_all(connection, done.coupons.changed)
