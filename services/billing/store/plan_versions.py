"""Plan versions in the store: the catalog's documents, kept for ever."""

from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.plan_terms import PlanDocument
from billing.store import tables

_TABLE = tables.plan_version


async def keep(connection: AsyncConnection, document: PlanDocument) -> None:
    """Stores the document, unless it is there."""
    values = {"plan_id": document.plan_id, "version": document.version, "content": document.content}
    await connection.execute(insert(_TABLE).values(values).on_conflict_do_nothing())


async def get_many(connection: AsyncConnection, keys: Sequence[tuple[str, int]]) -> list[PlanDocument]:
    """The documents of (plan id, version), in no order."""
    query = select(_TABLE).where(tuple_(_TABLE.c.plan_id, _TABLE.c.version).in_(list(keys)))
    return [PlanDocument(row.plan_id, row.version, row.content) for row in await connection.execute(query)]
