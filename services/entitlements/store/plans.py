"""Which version of each plan is carried, in the store."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.plan import Carried
from entitlements.store import changes, tables
from entitlements.store.upsert import upsert_if_newer

_TABLE = tables.plan


async def put(connection: AsyncConnection, carried: Carried) -> bool:
    """Stores what is carried if it is newer; whether that is another version than before."""
    query = select(_TABLE).where(_TABLE.c.id == carried.plan_id).with_for_update()
    before = (await connection.execute(query)).one_or_none()
    if before is not None and before.revision >= carried.revision:
        return False
    is_other = carried.version != (0 if before is None else before.carried_version)
    change = 0 if before is None else before.change
    if is_other:
        change = await changes.change_plan(connection, carried.plan_id)
    row = {"id": carried.plan_id, "carried_version": carried.version, "revision": carried.revision, "change": change}
    return await upsert_if_newer(connection, _TABLE, row) and is_other


async def read(connection: AsyncConnection, plan_ids: Iterable[str]) -> Mapping[str, Carried]:
    """What is carried of those of these plans of which that is known, by their ids."""
    rows = await connection.execute(select(_TABLE).where(_TABLE.c.id.in_(sorted(plan_ids))))
    return {row.id: Carried(row.id, row.carried_version, row.revision, row.change) for row in rows}
