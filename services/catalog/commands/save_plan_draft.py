"""Opens a draft of a plan, or replaces its content."""

import asyncio

from catalog.domain.errors import plan_not_found
from catalog.domain.mistakes import BoundedMistakes
from catalog.domain.plan import PlanVersion, draft_of, save_draft
from catalog.domain.plan_content import PlanContent, check_content, settle_content
from catalog.store import changes, features, plans
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database


class SavePlanDraft:
    """Opens a draft, or replaces the content of the open one."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def __call__(self, plan_id: str, content: PlanContent) -> PlanVersion:
        """The draft as saved.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`.
        """
        mistakes = BoundedMistakes()
        mistakes.attempt(check_id, plan_id, "plan_id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            held = await features.get_all(connection, content.feature_ids)
            specs = {feature_id: feature.spec for feature_id, feature in held.items()}
            # In a thread: a content may be megabytes, and other calls go on meanwhile.
            await asyncio.to_thread(check_content, content, specs, path="content", mistakes=mistakes)
            mistakes.check()
            plan = await plans.get(connection, plan_id, lock=True)
            if plan is None:
                raise plan_not_found(plan_id)
            settled = await asyncio.to_thread(settle_content, content, specs)
            if await plans.get_draft(connection, plan_id) == settled:
                return draft_of(plan, settled)
            revision = await changes.next_revision(connection)
            changed = save_draft(plan, self._clock.now(), revision=revision)
            await plans.replace_all(connection, [changed])
            await plans.put_draft(connection, plan_id, settled)
            return draft_of(changed, settled)
