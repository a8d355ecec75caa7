"""Whose limits metering is to be told, and what it was told, in the store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import and_, delete, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.limits import Limits, LimitSpan
from entitlements.domain.usage import Tracker
from entitlements.store import tables
from kernel.period import utc
from kernel.quantity import format_decimal
from kernel.recurrence import Interval, Recurrence

_DUE = tables.limits_due
_TOLD = tables.limits_told
_SWEEP = tables.plan_sweep
_SUBSCRIPTION = tables.subscription

# Who took a customer has told metering by then, or never will.
_TAKEN: Final = timedelta(seconds=5)


async def take(connection: AsyncConnection, *, most: int) -> Mapping[str, int]:
    """Takes customers whose limits are to be told, for some seconds; each with the change that it became due by."""
    due = select(_DUE.c.customer_id).where(_DUE.c.due_time <= func.now()).order_by(_DUE.c.due_time).limit(most)
    taking = (
        update(_DUE)
        .where(_DUE.c.customer_id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
        .values(due_time=func.now() + _TAKEN)
        .returning(_DUE.c.customer_id, _DUE.c.change)
    )
    return {row.customer_id: row.change for row in await connection.execute(taking)}


async def done(connection: AsyncConnection, taken: Mapping[str, int]) -> None:
    """Lets go of taken customers; one that changed since stays due."""
    await connection.execute(delete(_DUE).where(tuple_(_DUE.c.customer_id, _DUE.c.change).in_(sorted(taken.items()))))


async def told(connection: AsyncConnection, customer_ids: Iterable[str]) -> Mapping[str, Limits]:
    """What metering was told of each of these customers; those of whom nothing stands are left out."""
    rows = await connection.execute(select(_TOLD).where(_TOLD.c.customer_id.in_(list(customer_ids))))
    return {row.customer_id: limits_from_row(row.customer_id, row.limits) for row in rows}


async def keep_told(connection: AsyncConnection, limits: Mapping[str, tuple[int, Limits]]) -> None:
    """Stores what metering was told of customers, by the revision that it followed from, unless something newer is there."""
    if not limits:
        return
    rows = [
        {"customer_id": customer_id, "change": change, "limits": limits_to_row(stand)}
        for customer_id, (change, stand) in sorted(limits.items())
    ]
    keeping = insert(_TOLD).values(rows)
    newer = keeping.on_conflict_do_update(
        index_elements=[_TOLD.c.customer_id],
        set_={"change": keeping.excluded.change, "limits": keeping.excluded.limits},
        where=keeping.excluded.change >= _TOLD.c.change,
    )
    await connection.execute(newer)


async def sweep(connection: AsyncConnection, *, most: int) -> bool:
    """Makes some more customers of a plan due whose carried version changed, of so many subscriptions of all; whether there was any
    such plan.
    """
    query = select(_SWEEP).order_by(_SWEEP.c.change).limit(1).with_for_update(skip_locked=True)
    plan = (await connection.execute(query)).one_or_none()
    if plan is None:
        return False
    after = _SUBSCRIPTION.c.customer_id > plan.after_customer_id
    page = select(_SUBSCRIPTION.c.customer_id).where(after).order_by(_SUBSCRIPTION.c.customer_id).limit(most)
    last = (await connection.execute(select(func.max(page.subquery().c.customer_id)))).scalar_one()
    mine = _SWEEP.c.plan_id == plan.plan_id
    if last is None:
        await connection.execute(delete(_SWEEP).where(mine))
        return True
    named = or_(*(terms["plan_id"].astext == plan.plan_id for terms in _TERMS))
    within = and_(after, _SUBSCRIPTION.c.customer_id <= last, _SUBSCRIPTION.c.access_start.is_not(None), named)
    held = select(_SUBSCRIPTION.c.customer_id, literal(plan.change)).where(within).distinct()
    due = insert(_DUE).from_select(["customer_id", "change"], held.order_by(_SUBSCRIPTION.c.customer_id))
    again = {"change": func.greatest(due.excluded.change, _DUE.c.change), "due_time": func.now()}
    await connection.execute(due.on_conflict_do_update(index_elements=[_DUE.c.customer_id], set_=again))
    await connection.execute(update(_SWEEP).where(mine).values(after_customer_id=last))
    return True


_TERMS = (_SUBSCRIPTION.c.terms, _SUBSCRIPTION.c.scheduled_terms)


def limits_to_row(limits: Limits) -> list[dict[str, object]]:
    """Limits as JSON."""
    return [
        {
            "feature": tracker.feature_id,
            "recurrence": None if tracker.recurrence is None else _recurrence_to_row(tracker.recurrence),
            "spans": [
                [format_decimal(span.limit), span.start.isoformat(), None if span.end is None else span.end.isoformat()]
                for span in spans
            ],
        }
        for tracker, spans in limits.items()
    ]


def limits_from_row(customer_id: str, row: Sequence[Mapping[str, Any]]) -> Limits:
    """The limits of the JSON."""
    return {
        Tracker(customer_id, each["feature"], _recurrence_from_row(each["recurrence"])): tuple(
            LimitSpan(Decimal(limit), _time(start), None if end is None else _time(end))
            for limit, start, end in each["spans"]
        )
        for each in row
    }


def _recurrence_to_row(recurrence: Recurrence) -> list[str]:
    return [recurrence.interval.value, recurrence.anchor.isoformat(), recurrence.zone]


def _recurrence_from_row(row: Sequence[str] | None) -> Recurrence | None:
    return None if row is None else Recurrence(Interval(row[0]), _time(row[1]), row[2])


def _time(text: str) -> datetime:
    return utc(datetime.fromisoformat(text))
