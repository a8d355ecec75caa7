"""Counts of what features in shadow mode would have been refused, in the store."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.decision import Reason
from entitlements.domain.shadow import ShadowRefusals
from entitlements.store import tables
from kit.paging import Page

_TABLE = tables.shadow_refusal
_KEY = (_TABLE.c.day, _TABLE.c.feature_id, _TABLE.c.reason)


async def add(connection: AsyncConnection, refusals: Sequence[ShadowRefusals]) -> None:
    """Adds the counts to those that are stored; given in the order of their keys, so that two replicas cannot deadlock."""
    rows = [
        {"day": each.day, "feature_id": each.feature_id, "reason": each.reason.value, "count": each.count}
        for each in refusals
    ]
    adding = insert(_TABLE).values(rows)
    total = {"count": _TABLE.c.count + adding.excluded["count"]}
    await connection.execute(adding.on_conflict_do_update(index_elements=list(_KEY), set_=total))


async def list_page(
    connection: AsyncConnection, page: Page, *, feature_id: str, first: date, last: date
) -> Sequence[ShadowRefusals]:
    """The counts of the days from `first` up to and with `last`, and one more than the page holds where there are more."""
    query = select(_TABLE).where(_TABLE.c.day >= first, _TABLE.c.day <= last)
    if feature_id:
        query = query.where(_TABLE.c.feature_id == feature_id)
    if page.after:
        day, *rest = page.after
        query = query.where(tuple_(*_KEY) > (date.fromisoformat(day), *rest))
    rows = await connection.execute(query.order_by(*_KEY).limit(page.size + 1))
    return [
        ShadowRefusals(row.day, row.feature_id, Reason(row.reason), row._mapping["count"])  # noqa: SLF001 - a row has a method of that name.
        for row in rows
    ]
