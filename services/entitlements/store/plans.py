"""Which version of each plan is carried, in the store."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.plan import Carried
from entitlements.store import tables
from entitlements.store.upsert import upsert_if_newer

_TABLE = tables.plan


async def put(connection: AsyncConnection, carried: Carried) -> bool:
    """Stores what is carried if it is newer; whether that is another version than before."""
    before = select(_TABLE.c.carried_version).where(_TABLE.c.id == carried.plan_id).with_for_update()
    version = (await connection.execute(before)).scalar_one_or_none() or 0
    row = {"id": carried.plan_id, "carried_version": carried.version, "revision": carried.revision}
    return await upsert_if_newer(connection, _TABLE, row) and version != carried.version


async def read(connection: AsyncConnection, plan_ids: Iterable[str]) -> Mapping[str, Carried]:
    """What is carried of those of these plans of which that is known, by their ids."""
    rows = await connection.execute(select(_TABLE).where(_TABLE.c.id.in_(sorted(plan_ids))))
    return {row.id: Carried(row.id, row.carried_version, row.revision) for row in rows}
