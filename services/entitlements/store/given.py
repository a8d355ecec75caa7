"""What this service itself holds of customers, and how far everything they are resolved from has come, in the store."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.control import Given
from entitlements.store import features, grants, revocations, tables

_CHANGE = tables.customer_change
_PLAN = tables.plan
_SUBSCRIPTION = tables.subscription
_TERMS = (_SUBSCRIPTION.c.terms, _SUBSCRIPTION.c.scheduled_terms)

# Also of ended subscriptions: a time that passes must not lower the number.
_CARRIED: Final = (
    select(func.max(_PLAN.c.change))
    .select_from(_SUBSCRIPTION)
    .join(_PLAN, or_(*(_PLAN.c.id == terms["plan_id"].astext for terms in _TERMS)))
    .where(_SUBSCRIPTION.c.customer_id == _CHANGE.c.customer_id)
    .scalar_subquery()
)
# Made once: to put it together costs as much as to run it.
_GIVEN_TO: Final = select(_CHANGE, func.coalesce(_CARRIED, 0).label("plan_change")).where(
    _CHANGE.c.customer_id.in_(bindparam("customer_ids", expanding=True))
)


async def read(connection: AsyncConnection, times: Mapping[str, datetime]) -> Mapping[str, Given]:
    """What is held of these customers at their times; of customers who never had anything nothing.

    Grants and revocations are looked for only where there ever was one: hardly anybody costs a question.
    """
    rows = (await connection.execute(_GIVEN_TO, {"customer_ids": list(times)})).all()
    given = {row.customer_id: times[row.customer_id] for row in rows if row.given}
    granted = await grants.read_live(connection, given) if given else {}
    revoked = await revocations.read(connection, given) if given else {}
    feature_ids = sorted({grant.feature_id for several in granted.values() for grant in several})
    described = await features.read(connection, feature_ids) if feature_ids else {}
    return {
        row.customer_id: Given(
            row.revision,
            row.plan_change,
            granted.get(row.customer_id, ()),
            revoked.get(row.customer_id, frozenset()),
            {grant.feature_id: described[grant.feature_id] for grant in granted.get(row.customer_id, ())},
        )
        for row in rows
    }


async def revisions(connection: AsyncConnection, customer_ids: Sequence[str]) -> Mapping[str, int]:
    """How far what each of these customers holds has come; those who never held anything are left out."""
    rows = await connection.execute(select(_CHANGE).where(_CHANGE.c.customer_id.in_(customer_ids)))
    return {row.customer_id: row.revision for row in rows}
