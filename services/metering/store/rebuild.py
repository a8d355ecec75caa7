"""What a rebuild reads: series in pages, and where a tracker has windows or usage."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.domain.feature import Feature
from metering.domain.rebuild import Scope
from metering.domain.series import Series
from metering.domain.tracker import Span, Tracker, Window, microseconds, span_start
from metering.store import spans, stored, tables

_SERIES = tables.series
_WINDOW = tables.window

# Series in one page, which are looked at in one snapshot: some tenths of a second.
PAGE_SIZE = 100
# One window may hold a year of a large customer's events, and nobody waits for the reply to a call. The transaction that looks is
# idle while another repairs.
_TIMEOUTS = "SET LOCAL statement_timeout = '30min'; SET LOCAL idle_in_transaction_session_timeout = '60min'"


async def take_time(connection: AsyncConnection) -> None:
    """Lets the statements of this transaction run for longer than those that a caller waits for."""
    await connection.execute(text(_TIMEOUTS))


async def count_series(connection: AsyncConnection, scope: Scope) -> int:
    """How many series are in the scope."""
    query = select(func.count()).select_from(_SERIES).where(*_in(scope))
    return int((await connection.execute(query)).scalar_one())


async def page_of_series(connection: AsyncConnection, scope: Scope, after: Series | None) -> list[Series]:
    """The next series in the order of their keys; none at the end."""
    key = tuple_(_SERIES.c.customer_id, _SERIES.c.resource_id, _SERIES.c.feature_id)
    query: Select[Any] = select(_SERIES.c.customer_id, _SERIES.c.resource_id, _SERIES.c.feature_id).where(*_in(scope))
    if after is not None:
        query = query.where(key > tuple(after))
    rows = await connection.execute(query.order_by(*key).limit(PAGE_SIZE))
    return [Series(*row) for row in rows]


async def count_windows(
    connection: AsyncConnection, tracker: Tracker, *, first: datetime, before: datetime | None
) -> int:
    """How many windows begin in the range."""
    query = select(func.count()).select_from(_WINDOW).where(_of(tracker), _WINDOW.c.period_start >= first)
    if before is not None:
        query = query.where(_WINDOW.c.period_start < before)
    return int((await connection.execute(query)).scalar_one())


async def next_run(
    connection: AsyncConnection, feature: Feature, tracker: Tracker, *, first: datetime, before: datetime | None
) -> Sequence[Span]:
    """The next adjacent periods of a tracker from `first` on that have a window or usage; none at the end.

    Args:
        connection: To the store.
        feature: Of the tracker's series.
        tracker: One with periods.
        first: Where one of them begins.
        before: Where one of them ends, or None.
    """
    periods = tracker.periods
    assert periods is not None  # noqa: S101 - as promised.
    table, rows = stored.usage_of(feature, tracker.series)
    until = None if before is None else microseconds(before)
    used = await spans.between(connection, table, rows, at=microseconds(first), until=until)
    counted = await _windows_between(connection, tracker, first=first, before=before)
    found = [bounds for bounds in (used, counted) if bounds is not None]
    if not found:
        return ()
    return spans.run_over(periods, min(start for start, _ in found), max(end for _, end in found))


async def newest_in(connection: AsyncConnection, feature: Feature, window: Window) -> datetime:
    """When the newest usage that a window counts was; the window's start where it counts none."""
    table, rows = stored.counted_in(feature, window.tracker.series, [window.span])
    bounds = await spans.between(connection, table, rows, at=0)
    return span_start(window.span) if bounds is None else bounds[1]


async def _windows_between(
    connection: AsyncConnection, tracker: Tracker, *, first: datetime, before: datetime | None
) -> tuple[datetime, datetime] | None:
    start = _WINDOW.c.period_start
    query = select(func.min(start), func.max(start)).where(_of(tracker), start >= first)
    if before is not None:
        query = query.where(start < before)
    least, greatest = (await connection.execute(query)).one()
    return None if least is None else (least, greatest)


def _of(tracker: Tracker) -> ColumnElement[bool]:
    return and_(_WINDOW.c.customer_id == tracker.series.customer_id, _WINDOW.c.tracker_id == tracker.id)


def _in(scope: Scope) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if scope.customer_id:
        conditions.append(_SERIES.c.customer_id == scope.customer_id)
    if scope.feature_id:
        conditions.append(_SERIES.c.feature_id == scope.feature_id)
    return conditions
