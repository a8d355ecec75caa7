"""Freezes a plan's draft as its next version."""

from catalog.domain.errors import plan_not_found
from catalog.domain.plan import PlanVersion, check_draft_open, publish
from catalog.messages.plan import plan_to_proto
from catalog.store import changes, features, plan_versions, plans
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.catalog.v1 import catalog_events_pb2


class PublishPlan:
    """Freezes the open draft as the next version and announces it."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, plan_id: str) -> PlanVersion:
        """The version as published. Of two at once, one finds no draft any more.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`; `DRAFT_NOT_OPEN`.
        """
        check_id(plan_id, "plan_id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            plan = await plans.get(connection, plan_id, lock=True)
            if plan is None:
                raise plan_not_found(plan_id)
            check_draft_open(plan)
            content = await plans.get_draft(connection, plan_id)
            if content is None:
                raise RuntimeError(f"the draft of plan {plan_id} has no content")
            held = await features.get_all(connection, content.feature_ids)
            revision = await changes.next_revision(connection)
            published, version = publish(plan, content, held, now=self._clock.now(), revision=revision)
            await plans.replace_all(connection, [published])
            await plans.delete_draft(connection, plan_id)
            await plan_versions.add_all(connection, [version])
            event = catalog_events_pb2.PlanPublished(plan=plan_to_proto(published))
            await self._outbox.put(connection, "plan", "published", id=plan_id, event=event)
            return version
