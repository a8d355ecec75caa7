"""The order of all changes that decisions follow from.

Every change of a customer's subscriptions, promotional grants or revocations gives the customer the next number of one sequence,
and every change of what a plan carries gives the plan one. The greatest of a customer's number and those of its plans names its
state: of two states the newer one has the greater. For that, whoever changes a customer holds a lock that whoever changes a
plan waits for: else a plan could take its number before a customer's and be seen after it.
"""

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.store import tables

_CHANGE = tables.customer_change
_DUE = tables.limits_due
_SWEEP = tables.plan_sweep
# Any constant serves: each service has a database of its own.
_CHANGES_LOCK = 7_403_001


async def lock_customer(connection: AsyncConnection, customer_id: str) -> int:
    """Keeps others from changing the customer until the transaction's end; gives its revision, 0 before its first change."""
    await connection.execute(select(func.pg_advisory_xact_lock_shared(_CHANGES_LOCK)))
    row = insert(_CHANGE).values(customer_id=customer_id, revision=0, given=False)
    # An update that changes nothing locks, also the row that another transaction is about to make.
    locking = row.on_conflict_do_update(index_elements=[_CHANGE.c.customer_id], set_={"revision": _CHANGE.c.revision})
    return int((await connection.execute(locking.returning(_CHANGE.c.revision))).scalar_one())


async def change_customer(connection: AsyncConnection, customer_id: str, *, given: bool) -> int:
    """Gives the locked customer its next revision, and lets metering be told of its limits; with `given` it has a grant or a
    revocation.
    """
    revision = int((await connection.execute(select(tables.revision.next_value()))).scalar_one())
    changed = {"revision": revision, "given": literal(given) | _CHANGE.c.given}
    await connection.execute(_CHANGE.update().where(_CHANGE.c.customer_id == customer_id).values(changed))
    due = insert(_DUE).values(customer_id=customer_id, change=revision)
    await connection.execute(
        due.on_conflict_do_update(
            index_elements=[_DUE.c.customer_id],
            set_={"change": func.greatest(due.excluded.change, _DUE.c.change), "due_time": func.now()},
        )
    )
    return revision


async def change_plan(connection: AsyncConnection, plan_id: str) -> int:
    """The number of a change of what the plan carries, once nobody changes a customer; its customers' limits are looked through."""
    await connection.execute(select(func.pg_advisory_xact_lock(_CHANGES_LOCK)))
    change = int((await connection.execute(select(tables.revision.next_value()))).scalar_one())
    sweep = insert(_SWEEP).values(plan_id=plan_id, change=change, after_customer_id="")
    await connection.execute(
        sweep.on_conflict_do_update(
            index_elements=[_SWEEP.c.plan_id], set_={"change": sweep.excluded.change, "after_customer_id": ""}
        )
    )
    return change
