"""Makes a plan."""

from catalog.domain.errors import id_taken, product_not_found
from catalog.domain.plan import Plan, PlanSpec, check_plan, create_plan, settle_plan
from catalog.messages.plan import plan_to_proto
from catalog.store import changes, plans, products
from kernel.clock import Clock
from kernel.errors import Mistakes
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.catalog.v1 import catalog_events_pb2


class CreatePlan:
    """Makes a plan without any version and announces it; an equal one is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: PlanSpec) -> Plan:
        """The plan as made.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `PRODUCT_NOT_FOUND`; `ID_TAKEN` by a different plan.
        """
        mistakes = Mistakes()
        check_plan(spec, "plan", mistakes)
        mistakes.check()
        spec = settle_plan(spec)
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            if await products.get(connection, spec.product_id) is None:
                raise product_not_found(spec.product_id)
            plan = create_plan(spec, self._clock.now(), revision=await changes.next_revision(connection))
            if not await plans.add(connection, plan):
                existing = await plans.get(connection, spec.id)
                if existing is None or existing.spec != spec:
                    raise id_taken("plan", spec.id)
                return existing
            event = catalog_events_pb2.PlanCreated(plan=plan_to_proto(plan))
            await self._outbox.put(connection, "plan", "created", id=plan.id, event=event)
            return plan
