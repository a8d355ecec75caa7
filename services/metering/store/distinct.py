"""The values that a `UNIQUE` tracker has seen, from what is stored: found anew, stored, and compared with those that are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import Grouping

from metering.domain.meter import Meter
from metering.domain.tracker import Tracker
from metering.store import meter_sql, tables

_KEPT = tables.unique_value


class Compared(NamedTuple):
    """The values of one period: how many there are, and whether exactly those are kept."""

    values: int
    kept: bool


async def recount(
    connection: AsyncConnection,
    meter: Meter,
    tracker: Tracker,
    *,
    rows: ColumnElement[bool],
    starts: Sequence[datetime],
    place: ColumnElement[int],
) -> Mapping[datetime, int]:
    """Keeps exactly the values of the rows in these periods; counts them by the period's start.

    Args:
        connection: In a transaction that holds the lock of the series.
        meter: Whose field is told apart.
        tracker: Whose values are kept.
        rows: The events that count within the periods.
        starts: Where the periods start.
        place: Which of them an event lies in, from 1 on.
    """
    seen = _seen(meter, rows, starts, place)
    same = and_(seen.c.period_start == _KEPT.c.period_start, seen.c.value == _KEPT.c.value)
    gone = delete(_KEPT).where(_of(tracker, starts), ~exists().where(same)).cte("gone")
    key = literal(tracker.series.customer_id), literal(tracker.id, BigInteger)
    new = insert(_KEPT).from_select(_KEPT.c.keys(), select(*key, seen.c.period_start, seen.c.value))
    fresh = new.on_conflict_do_nothing().cte("fresh")
    counts = select(seen.c.period_start, func.count()).group_by(seen.c.period_start).add_cte(gone, fresh)
    result = await connection.execute(counts)
    return {start: number for start, number in result}  # noqa: C416 - rows are tuples, but mypy does not know it.


async def compare(
    connection: AsyncConnection,
    meter: Meter,
    tracker: Tracker,
    *,
    rows: ColumnElement[bool],
    starts: Sequence[datetime],
    place: ColumnElement[int],
) -> Mapping[datetime, Compared]:
    """The same without a change: for each period that has values, or for which some are kept."""
    seen = _seen(meter, rows, starts, place)
    kept = select(_KEPT.c.period_start, _KEPT.c.value).where(_of(tracker, starts)).subquery("kept")
    same = and_(seen.c.period_start == kept.c.period_start, seen.c.value == kept.c.value)
    start = func.coalesce(seen.c.period_start, kept.c.period_start).label("start")
    apart = func.count().filter(or_(seen.c.value.is_(None), kept.c.value.is_(None)))
    query = select(start, func.count(seen.c.value), apart).select_from(seen.join(kept, same, full=True)).group_by(start)
    return {at: Compared(values, kept=others == 0) for at, values, others in await connection.execute(query)}


def _seen(meter: Meter, rows: ColumnElement[bool], starts: Sequence[datetime], place: ColumnElement[int]) -> CTE:
    by_place = Grouping(cast(bindparam("period_starts", list(starts)), ARRAY(DateTime(timezone=True))))
    start = by_place[place].label("period_start")
    return select(start, meter_sql.distinct_key(meter.field).label("value")).where(rows).distinct().cte("seen")


def _of(tracker: Tracker, starts: Sequence[datetime]) -> ColumnElement[bool]:
    return and_(
        _KEPT.c.customer_id == tracker.series.customer_id,
        _KEPT.c.tracker_id == tracker.id,
        _KEPT.c.period_start.in_(starts),
    )
