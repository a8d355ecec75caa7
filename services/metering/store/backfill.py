"""Windows from what is stored: for trackers that come after the usage they count, and for rebuilding."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import Grouping

from metering.domain.feature import Feature
from metering.domain.meter import Aggregation, Meter
from metering.domain.series import Series
from metering.domain.tracker import Span, Tracker, Window, microseconds, span_start
from metering.store import meter_sql, spans, tables, windows
from metering.store.line import raw_of

_EVENT = tables.event
_MEASUREMENT = tables.measurement
_UNIQUE = tables.unique_value
_WINDOW = tables.window


async def count(connection: AsyncConnection, feature: Feature, tracker: Tracker, *, revision: int) -> None:
    """Computes all windows of a tracker that has none, under the lock of its series."""
    async for run in _runs(connection, feature, tracker):
        found = await _usage(connection, feature, tracker, run)
        changed = [Window(tracker, span, value, revision) for span, value in found]
        await windows.put(await raw_of(connection), changed)


async def rebuild(connection: AsyncConnection, feature: Feature, tracker: Tracker, *, revision: int) -> None:
    """Computes all windows of a tracker anew, under the lock of its series; they equal what counting gave."""
    await connection.execute(delete(_UNIQUE).where(*_of(tracker, _UNIQUE)))
    await connection.execute(delete(_WINDOW).where(*_of(tracker, _WINDOW)))
    await count(connection, feature, tracker, revision=revision)


def stored_usage(feature: Feature, series: Series) -> tuple[Table, ColumnElement[bool]]:
    """The table that holds a series' usage, and which of its rows do."""
    if feature.meter is not None:
        rows = and_(_EVENT.c.customer_id == series.customer_id, meter_sql.matches(feature.meter))
        return _EVENT, _with_resource(rows, _EVENT, series)
    rows = and_(_MEASUREMENT.c.customer_id == series.customer_id, _MEASUREMENT.c.feature_id == series.feature_id)
    return _MEASUREMENT, _with_resource(rows, _MEASUREMENT, series)


def _with_resource(rows: ColumnElement[bool], table: Table, series: Series) -> ColumnElement[bool]:
    return and_(rows, table.c.resource_id == series.resource_id) if series.resource_id else rows


async def _runs(connection: AsyncConnection, feature: Feature, tracker: Tracker) -> AsyncIterator[list[Span]]:
    if tracker.periods is None:
        yield [None]
        return
    table, rows = stored_usage(feature, tracker.series)
    async for run in spans.occupied(connection, table, rows, periods=tracker.periods):
        yield list(run)


async def _usage(
    connection: AsyncConnection, feature: Feature, tracker: Tracker, run: list[Span]
) -> list[tuple[Span, Decimal]]:
    table, rows = stored_usage(feature, tracker.series)
    rows = and_(rows, *_within(table, run))
    place = place_in(table, run)
    meter = feature.meter
    if meter is None:
        query = select(place, func.sum(_MEASUREMENT.c.delta)).where(rows).group_by(place)
    elif meter.aggregation is Aggregation.UNIQUE:
        await _keep_distinct(connection, meter, tracker, rows=rows, run=run)
        return await _count_distinct(connection, tracker, run)
    else:
        query = select(place, meter_sql.usage(meter)).where(rows, ~meter_sql.is_skipped(meter)).group_by(place)
    return [(run[number - 1], Decimal(value)) for number, value in await connection.execute(query)]


def _within(table: Table, run: list[Span]) -> list[ColumnElement[bool]]:
    first, last = run[0], run[-1]
    if first is None or last is None:
        return []
    return [table.c.timestamp_us >= microseconds(first.start), table.c.timestamp_us < microseconds(last.end)]


def place_in(table: Table, run: Sequence[Span]) -> ColumnElement[int]:
    """Which period of the run a row lies in, from 1 on; the endless one is a run of its own."""
    starts = [microseconds(span_start(span)) for span in run]
    return func.width_bucket(table.c.timestamp_us, cast(bindparam("starts", starts), ARRAY(BigInteger))).label("place")


async def _keep_distinct(
    connection: AsyncConnection, meter: Meter, tracker: Tracker, *, rows: ColumnElement[bool], run: list[Span]
) -> None:
    starts = Grouping(cast(bindparam("period_starts", _starts(run)), ARRAY(DateTime(timezone=True))))
    seen = (
        select(
            literal(tracker.series.customer_id),
            literal(tracker.id, BigInteger),
            starts[place_in(_EVENT, run)],
            meter_sql.distinct_key(meter.field),
        )
        .where(rows, ~meter_sql.is_skipped(meter))
        .distinct()
    )
    await connection.execute(insert(_UNIQUE).from_select(_UNIQUE.c.keys(), seen))


async def _count_distinct(connection: AsyncConnection, tracker: Tracker, run: list[Span]) -> list[tuple[Span, Decimal]]:
    query = (
        select(_UNIQUE.c.period_start, func.count())
        .where(*_of(tracker, _UNIQUE), _UNIQUE.c.period_start.in_(_starts(run)))
        .group_by(_UNIQUE.c.period_start)
    )
    spans_by_start = dict(zip(_starts(run), run, strict=True))
    return [(spans_by_start[start], Decimal(number)) for start, number in await connection.execute(query)]


def _starts(run: list[Span]) -> list[datetime]:
    return [span_start(span) for span in run]


def _of(tracker: Tracker, table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.customer_id == tracker.series.customer_id, table.c.tracker_id == tracker.id
