"""Throws a plan's open draft away."""

from catalog.domain.errors import plan_not_found
from catalog.domain.plan import discard_draft
from catalog.store import changes, plans
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database


class DiscardPlanDraft:
    """Throws the open draft away."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def __call__(self, plan_id: str) -> None:
        """The draft is gone.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`; `DRAFT_NOT_OPEN`.
        """
        check_id(plan_id, "plan_id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            plan = await plans.get(connection, plan_id, lock=True)
            if plan is None:
                raise plan_not_found(plan_id)
            revision = await changes.next_revision(connection)
            await plans.replace_all(connection, [discard_draft(plan, self._clock.now(), revision=revision)])
            await plans.delete_draft(connection, plan_id)
