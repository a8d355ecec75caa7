"""Changes a plan."""

from collections.abc import Sequence

from catalog.domain.errors import plan_not_found
from catalog.domain.plan import Plan, PlanSpec, change_plan
from catalog.domain.plan_update import revise_plan
from catalog.messages.plan import plan_to_proto
from catalog.store import changes, plans
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.catalog.v1 import catalog_events_pb2


class UpdatePlan:
    """Changes a plan and announces it; where nothing differs, nothing happens."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: PlanSpec, paths: Sequence[str]) -> Plan:
        """The plan as changed.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`; `PLAN_IMMUTABLE_FIELD`.
        """
        check_id(spec.id, "plan.id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            plan = await plans.get(connection, spec.id, lock=True)
            if plan is None:
                raise plan_not_found(spec.id)
            revised = revise_plan(plan, spec, paths)
            if revised == plan.spec:
                return plan
            revision = await changes.next_revision(connection)
            changed = change_plan(plan, revised, self._clock.now(), revision=revision)
            await plans.replace_all(connection, [changed])
            event = catalog_events_pb2.PlanUpdated(plan=plan_to_proto(changed))
            await self._outbox.put(connection, "plan", "updated", id=changed.id, event=event)
            return changed
