"""Plans in the store, with their open drafts; their published versions are `plan_versions`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, all_, any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.plan import Plan
from catalog.domain.plan_content import PlanContent
from catalog.messages.plan_content import content_from_proto, content_to_proto
from catalog.store import tables
from catalog.store.arrays import texts
from kit.paging import Page
from tollkeeper.catalog.v1 import plan_pb2

_TABLE = tables.plan
_DRAFT = tables.plan_draft


async def get(connection: AsyncConnection, plan_id: str, *, lock: bool = False) -> Plan | None:
    """The plan, or None; with `lock` until the transaction's end, and its draft with it."""
    query = select(_TABLE).where(_TABLE.c.id == plan_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else plan_from_row(row)


async def get_all(connection: AsyncConnection, ids: Collection[str], *, lock: bool = False) -> Mapping[str, Plan]:
    """Those of the plans that exist, by id; with `lock` until the transaction's end, taken in the order of the ids."""
    query = select(_TABLE).where(_TABLE.c.id == any_(texts(ids))).order_by(_TABLE.c.id)
    rows = await connection.execute(query.with_for_update() if lock else query)
    return {row.id: plan_from_row(row) for row in rows}


async def ids_except(connection: AsyncConnection, ids: Collection[str]) -> Sequence[str]:
    """The ids of all other plans, in order."""
    query = select(_TABLE.c.id).where(_TABLE.c.id != all_(texts(ids))).order_by(_TABLE.c.id)
    return (await connection.execute(query)).scalars().all()


async def add(connection: AsyncConnection, plan: Plan) -> bool:
    """Stores a new plan; False, and nothing, where the id is taken."""
    statement = insert(_TABLE).values(plan_to_row(plan)).on_conflict_do_nothing()
    return (await connection.execute(statement.returning(_TABLE.c.id))).one_or_none() is not None


async def add_all(connection: AsyncConnection, plans: Sequence[Plan]) -> None:
    """Stores new plans."""
    if plans:
        await connection.execute(insert(_TABLE), [plan_to_row(plan) for plan in plans])


async def replace_all(connection: AsyncConnection, plans: Sequence[Plan]) -> None:
    """Stores what locked plans have become."""
    if plans:
        statement = update(_TABLE).where(_TABLE.c.id == bindparam("key"))
        await connection.execute(statement, [plan_to_row(plan) | {"key": plan.id} for plan in plans])


async def list_page(connection: AsyncConnection, page: Page, product_id: str) -> Sequence[Plan]:
    """One row more than the page holds, where there are more; of one product, or of every one."""
    query = select(_TABLE).order_by(_TABLE.c.id).limit(page.size + 1)
    if product_id:
        query = query.where(_TABLE.c.product_id == product_id)
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    return [plan_from_row(row) for row in await connection.execute(query)]


async def get_draft(connection: AsyncConnection, plan_id: str) -> PlanContent | None:
    """The content of the open draft, or None."""
    query = select(_DRAFT.c.body).where(_DRAFT.c.plan_id == plan_id)
    body = (await connection.execute(query)).scalar_one_or_none()
    return None if body is None else content_from_proto(plan_pb2.PlanContent.FromString(body))


async def put_draft(connection: AsyncConnection, plan_id: str, content: PlanContent) -> None:
    """Stores the content of a locked plan's draft."""
    body = content_to_proto(content).SerializeToString()
    statement = insert(_DRAFT).values(plan_id=plan_id, body=body)
    await connection.execute(statement.on_conflict_do_update(index_elements=[_DRAFT.c.plan_id], set_={"body": body}))


async def delete_draft(connection: AsyncConnection, plan_id: str) -> None:
    """Throws a locked plan's draft away."""
    await connection.execute(delete(_DRAFT).where(_DRAFT.c.plan_id == plan_id))


def plan_to_row(plan: Plan) -> dict[str, object]:
    """The columns of a plan."""
    return {
        "id": plan.id,
        "product_id": plan.product_id,
        "display_name": plan.display_name,
        "description": plan.description,
        "latest_version": plan.latest_version,
        "has_draft": plan.has_draft,
        "revision": plan.revision,
        "create_time": plan.create_time,
        "update_time": plan.update_time,
    }


def plan_from_row(row: Row[Any]) -> Plan:
    """The plan of a row."""
    return Plan(**row._mapping)  # noqa: SLF001 - the documented way to a row's columns.
