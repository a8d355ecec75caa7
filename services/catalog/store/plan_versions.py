"""Published versions in the store: added, read, and never changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, any_, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.plan import PlanVersion
from catalog.messages.plan import plan_version_from_proto, plan_version_to_proto
from catalog.store import tables
from catalog.store.arrays import texts
from tollkeeper.catalog.v1 import plan_pb2

_TABLE = tables.plan_version
_PLAN = tables.plan


async def get(connection: AsyncConnection, plan_id: str, version: int) -> PlanVersion | None:
    """One published version, or None."""
    query = select(_TABLE).where(_TABLE.c.plan_id == plan_id, _TABLE.c.version == version)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else plan_version_from_row(row)


async def get_latest(connection: AsyncConnection, plan_ids: Collection[str]) -> Mapping[str, PlanVersion]:
    """The newest version of those plans that have one, by plan."""
    newest = and_(_PLAN.c.id == _TABLE.c.plan_id, _PLAN.c.latest_version == _TABLE.c.version)
    rows = await connection.execute(select(_TABLE).join(_PLAN, newest).where(_TABLE.c.plan_id == any_(texts(plan_ids))))
    return {row.plan_id: plan_version_from_row(row) for row in rows}


async def add_all(connection: AsyncConnection, versions: Sequence[PlanVersion]) -> None:
    """Stores new versions."""
    if versions:
        await connection.execute(insert(_TABLE), [plan_version_to_row(version) for version in versions])


async def list_before(connection: AsyncConnection, plan_id: str, before: int, *, limit: int) -> Sequence[PlanVersion]:
    """Versions with a smaller number, newest first."""
    query = select(_TABLE).where(_TABLE.c.plan_id == plan_id, _TABLE.c.version < before)
    rows = await connection.execute(query.order_by(_TABLE.c.version.desc()).limit(limit))
    return [plan_version_from_row(row) for row in rows]


def plan_version_to_row(version: PlanVersion) -> dict[str, object]:
    """The columns of a published version."""
    body = plan_version_to_proto(version).SerializeToString()
    return {"plan_id": version.plan_id, "version": version.version, "body": body}


def plan_version_from_row(row: Row[Any]) -> PlanVersion:
    """The published version of a row."""
    return plan_version_from_proto(plan_pb2.PlanVersion.FromString(row.body))
