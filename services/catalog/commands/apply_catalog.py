"""Makes the catalog equal to a document, or only tells how they differ.

A document may be megabytes of prices: what is computed over the whole of it runs in a thread, so that other calls go on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.catalog_application import REVISIONS_PER_CHANGE, Application, carry_out
from catalog.domain.catalog_diff import ChangeType, ResourceChange, ResourceType, compare
from catalog.domain.catalog_document import CatalogDocument, HeldCatalog, check_document, settle_document
from catalog.messages.events import announcement
from catalog.store import changes as order
from catalog.store import features, plan_versions, plans, products
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Difference:
    """How a document differs from the catalog.

    Attributes:
        changes: One for each thing of the document, in its order.
        unlisted: The ids of what the catalog holds and the document does not name.
    """

    changes: Sequence[ResourceChange]
    unlisted: Mapping[ResourceType, Sequence[str]]


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
            settled = await asyncio.to_thread(_checked, document, held)
            return await _difference(connection, settled, held)

    async def __call__(self, document: CatalogDocument) -> Difference:
        """What was changed: all of it, or nothing.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `DRAFT_OPEN`.
        """
        async with self._database.write() as connection:
            await order.lock_catalog(connection)
            held = await _held(connection, document, lock=True)
            settled = await asyncio.to_thread(_checked, document, held)
            difference = await _difference(connection, settled, held)
            changed = [change for change in difference.changes if change.type is not ChangeType.UNCHANGED]
            if changed:
                revisions = await order.next_revisions(connection, REVISIONS_PER_CHANGE * len(changed))
                now = self._clock.now()
                application = await asyncio.to_thread(
                    carry_out, settled, held, difference.changes, now=now, revisions=revisions
                )
                await _store(connection, application)
                await self._outbox.put_all(connection, [announcement(each) for each in application.happenings])
            return difference


async def _held(connection: AsyncConnection, document: CatalogDocument, *, lock: bool) -> HeldCatalog:
    return HeldCatalog(
        features=await features.get_all(connection, document.feature_ids),
        products=await products.get_all(connection, document.product_ids),
        plans=await plans.get_all(connection, document.plan_ids, lock=lock),
        versions=await plan_versions.get_latest(connection, document.plan_ids),
    )


async def _difference(connection: AsyncConnection, document: CatalogDocument, held: HeldCatalog) -> Difference:
    listed_features = {feature.id for feature in document.features}
    listed_products = {product.id for product in document.products}
    unlisted = {
        ResourceType.FEATURE: await features.ids_except(connection, listed_features),
        ResourceType.PRODUCT: await products.ids_except(connection, listed_products),
        ResourceType.PLAN: await plans.ids_except(connection, document.plan_ids),
    }
    return Difference(await asyncio.to_thread(compare, document, held), unlisted)


def _checked(document: CatalogDocument, held: HeldCatalog) -> CatalogDocument:
    check_document(document, held)
    return settle_document(document, held)


async def _store(connection: AsyncConnection, application: Application) -> None:
    await features.add_all(connection, application.new_features)
    await features.replace_all(connection, application.changed_features)
    await products.add_all(connection, application.new_products)
    await products.replace_all(connection, application.changed_products)
    await plans.add_all(connection, application.new_plans)
    await plans.replace_all(connection, application.changed_plans)
    await plan_versions.add_all(connection, application.versions)
