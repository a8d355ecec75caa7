"""Freezes a plan's draft as its next version."""

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.commands.open_draft import open_draft
from catalog.domain.catalog_application import Happening
from catalog.domain.plan import Completion, Plan, PlanVersion, complete_version, publish_plan
from catalog.domain.plan_content import PlanContent
from catalog.messages.events import announcement
from catalog.messages.plan import check_version_size
from catalog.store import changes
from catalog.store.add_ons import ADD_ONS
from catalog.store.features import FEATURES
from catalog.store.plans import PLANS
from catalog.store.products import PRODUCTS
from kernel.clock import Clock
from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox


class PublishPlan:
    """Freezes the open draft as the next version, complete, and announces it."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, plan_id: str, *, carry: bool, etag: str) -> PlanVersion:
        """The version as published. Of two at once, one finds no draft any more.

        With `carry`, its entitlements reach the subscriptions of older versions: one number of the plan says so, whatever
        the number of customers.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`; `ETAG_MISMATCH`; `DRAFT_NOT_OPEN`; `NOT_PUBLISHED`.
        """
        check_id(plan_id, "plan_id")
        async with self._database.write() as connection:
            await changes.lock_catalog(connection)
            plan, content = await open_draft(connection, PLANS, plan_id, etag=etag)
            now, mistakes = self._clock.now(), Mistakes()
            version = complete_version(plan, content, await _completion(connection, plan, content), now=now)
            check_version_size(version, "content", mistakes)
            mistakes.check()
            revision = await changes.next_revision(connection)
            published = publish_plan(plan, version, now, revision=revision, carry=carry)
            await PLANS.replace_all(connection, [published])
            await PLANS.delete_draft(connection, plan_id)
            await PLANS.add_versions(connection, [version])
            await self._outbox.put_all(connection, [announcement(Happening("published", published))])
            return version


async def _completion(connection: AsyncConnection, plan: Plan, content: PlanContent) -> Completion:
    base = (await PLANS.get_latest(connection, content.links)).get(content.base_plan_id)
    add_ons = await ADD_ONS.get_latest(connection, content.compatible_add_on_ids)
    named = set(content.feature_ids)
    named |= {each.feature_id for each in base.effective_entitlements} if base is not None else set()
    named |= {feature_id for add_on in add_ons.values() for feature_id in add_on.content.feature_ids}
    product = await PRODUCTS.get(connection, plan.product_id)
    return Completion(
        await FEATURES.get_all(connection, named),
        base=base,
        add_ons=list(add_ons.values()),
        multiple_subscriptions=product is not None and product.multiple_subscriptions,
    )
