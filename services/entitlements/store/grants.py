"""Promotional grants in the store."""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, assert_never

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.plan import (
    BooleanGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    Reset,
    ResetInterval,
)
from entitlements.domain.promotional_grant import MAX_LIVE, PromotionalGrant
from entitlements.store import tables
from kernel.quantity import format_decimal
from kit.paging import Page

_TABLE = tables.promotional_grant

# A test clock may stand here before the time by which a grant was counted as past: twice as many as there may be are read.
MAX_HELD: Final = 2 * MAX_LIVE


async def add(connection: AsyncConnection, grant: PromotionalGrant) -> None:
    """Stores a grant whose id is free."""
    await connection.execute(insert(_TABLE).values(grant_to_row(grant)))


async def get(connection: AsyncConnection, customer_id: str, grant_id: str) -> PromotionalGrant | None:
    """The customer's grant, revoked and expired ones too."""
    query = select(_TABLE).where(_TABLE.c.customer_id == customer_id, _TABLE.c.id == grant_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else grant_from_row(row)


async def revoke(connection: AsyncConnection, grant: PromotionalGrant) -> None:
    """Stores that the grant was revoked."""
    ended = {"revoke_time": grant.revoke_time, "revision": grant.revision}
    query = update(_TABLE).where(_TABLE.c.customer_id == grant.customer_id, _TABLE.c.id == grant.id)
    await connection.execute(query.values(ended))


async def count_live(connection: AsyncConnection, customer_id: str, *, now: datetime) -> int:
    """How many of the customer's grants are neither revoked nor past at its time."""
    query = select(func.count()).where(_TABLE.c.customer_id == customer_id, _is_live(now))
    return int((await connection.execute(query)).scalar_one())


async def read_live(
    connection: AsyncConnection, times: Mapping[str, datetime]
) -> Mapping[str, tuple[PromotionalGrant, ...]]:
    """The grants of each customer that are neither revoked nor past at its time, in the order in which they decide."""
    living = [and_(_TABLE.c.customer_id == customer_id, _is_live(time)) for customer_id, time in times.items()]
    found: dict[str, list[PromotionalGrant]] = defaultdict(list)
    query = select(_TABLE).where(or_(*living)).order_by(_TABLE.c.start_time, _TABLE.c.id)
    for row in await connection.execute(query):
        if len(found[row.customer_id]) < MAX_HELD:
            found[row.customer_id].append(grant_from_row(row))
    return {customer_id: tuple(grants) for customer_id, grants in found.items()}


async def list_page(
    connection: AsyncConnection, customer_id: str, page: Page, *, show_revoked: bool
) -> Sequence[PromotionalGrant]:
    """The grants of a page in the order of their ids, and one more where there are more."""
    query = select(_TABLE).where(_TABLE.c.customer_id == customer_id)
    if not show_revoked:
        query = query.where(_TABLE.c.revoke_time.is_(None))
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    rows = await connection.execute(query.order_by(_TABLE.c.id).limit(page.size + 1))
    return [grant_from_row(row) for row in rows]


def _is_live(now: datetime) -> ColumnElement[bool]:
    return and_(_TABLE.c.revoke_time.is_(None), or_(_TABLE.c.expire_time.is_(None), _TABLE.c.expire_time > now))


def grant_to_row(grant: PromotionalGrant) -> dict[str, object]:
    """The columns of a grant."""
    return {
        "customer_id": grant.customer_id,
        "id": grant.id,
        "feature_id": grant.feature_id,
        "content": content_to_row(grant.content),
        "time_zone": grant.time_zone,
        "start_time": grant.start_time,
        "expire_time": grant.expire_time,
        "reason": grant.reason,
        "create_time": grant.create_time,
        "revoke_time": grant.revoke_time,
        "revision": grant.revision,
        "fingerprint": grant.fingerprint,
    }


def grant_from_row(row: Row[Any]) -> PromotionalGrant:
    """The grant of a row."""
    return PromotionalGrant(
        id=row.id,
        customer_id=row.customer_id,
        feature_id=sys.intern(row.feature_id),
        content=content_from_row(row.content),
        time_zone=row.time_zone,
        start_time=row.start_time,
        expire_time=row.expire_time,
        reason=row.reason,
        create_time=row.create_time,
        revoke_time=row.revoke_time,
        revision=row.revision,
        fingerprint=row.fingerprint,
    )


def content_to_row(content: PlainGrant) -> dict[str, object]:
    """What is granted as JSON."""
    match content:
        case BooleanGrant():
            return {"boolean": True}
        case NumericGrant(value):
            return {"numeric": format_decimal(value)}
        case EnumGrant(values):
            return {"enum": list(values)}
        case MeteredGrant(limit, soft, reset):
            return {
                "limit": None if limit is None else format_decimal(limit),
                "soft": soft,
                "reset": None if reset is None else [reset.interval.value, reset.at_calendar, reset.week_start],
            }
        case _:
            assert_never(content)


def content_from_row(row: Mapping[str, Any]) -> PlainGrant:
    """What the JSON grants."""
    if "boolean" in row:
        return BooleanGrant()
    if "numeric" in row:
        return NumericGrant(Decimal(row["numeric"]))
    if "enum" in row:
        return EnumGrant(tuple(row["enum"]))
    limit, reset = row["limit"], row["reset"]
    return MeteredGrant(
        None if limit is None else Decimal(limit),
        row["soft"],
        None if reset is None else Reset(ResetInterval(reset[0]), reset[1], reset[2]),
    )
