"""Usage of any range, from what is stored itself."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.period import Period
from kernel.quantity import ZERO
from metering.domain.feature import Feature
from metering.domain.gathered import Gathered, value_of
from metering.domain.meter import Aggregation, Meter
from metering.domain.series import Series
from metering.domain.tracker import microseconds
from metering.domain.usage_range import (
    MAX_POINTS,
    UsageAnswer,
    UsagePoint,
    UsageQuery,
    clipped,
    cuts,
    too_many_points,
)
from metering.store import meter_sql, spans, tables
from metering.store.stored import place_in, usage_of


async def of_range(connection: AsyncConnection, feature: Feature, query: UsageQuery) -> UsageAnswer:
    """The usage of the range in points, ordered by period and group.

    Raises:
        TollkeeperError: `TOO_MANY_POINTS`.
    """
    table, rows = usage_of(feature, query.series)
    rows = and_(rows, *_within(table, query.period))
    counted = rows if feature.meter is None else and_(rows, ~meter_sql.is_skipped(feature.meter))
    points: list[UsagePoint] = []
    async for run in _runs(connection, table, rows, query):
        statement = _statement(feature, query, table, run).where(
            counted, *_within(table, Period(run[0].start, run[-1].end))
        )
        for place, *rest in await connection.execute(statement):
            period = clipped(run[place - 1].start, run[place - 1].end, query.period)
            group, parts = rest[: len(query.group_by)], rest[len(query.group_by) :]
            points.append(UsagePoint(period, _value(feature.meter, parts), tuple(group)))
        if len(points) > MAX_POINTS:
            raise too_many_points()
    if not points and cuts(query) is None and not query.group_by:
        points = [UsagePoint(query.period, Decimal(0), ())]
    return UsageAnswer(tuple(points), await _skipped(connection, feature, rows))


async def of_span(connection: AsyncConnection, feature: Feature, series: Series, *, period: Period) -> Decimal:
    """The usage of a span; zero where nothing counts."""
    table, rows = usage_of(feature, series)
    meter = feature.meter
    counted = rows if meter is None else and_(rows, ~meter_sql.is_skipped(meter))
    place = place_in(table, [period])
    statement = _gathered(meter, [place]).where(counted, *_within(table, period))
    for _, *parts in await connection.execute(statement):
        return _value(meter, parts)
    return ZERO


async def _runs(
    connection: AsyncConnection, table: Table, rows: ColumnElement[bool], query: UsageQuery
) -> AsyncIterator[Sequence[Period]]:
    recurrence = cuts(query)
    if recurrence is None:
        yield [query.period]
        return
    async for run in spans.occupied(connection, table, rows, periods=recurrence):
        yield run


def _statement(feature: Feature, query: UsageQuery, table: Table, run: Sequence[Period]) -> Select[Any]:
    place = place_in(table, run)
    groups = [meter_sql.group_text(field).label(f"group_{number}") for number, field in enumerate(query.group_by)]
    return _gathered(feature.meter, [place, *groups]).limit(MAX_POINTS + 1)


def _gathered(meter: Meter | None, by: Sequence[ColumnElement[Any]]) -> Select[Any]:
    if meter is None:
        return meter_sql.grouped(by, func.sum(tables.measurement.c.delta))
    return meter_sql.gathered(meter, by)


def _value(meter: Meter | None, parts: Sequence[Any]) -> Decimal:
    number, count, time, key = parts
    gathered = Gathered(Decimal(number), count=count, time=time, key=key)
    return value_of(Aggregation.SUM if meter is None else meter.aggregation, gathered)


async def _skipped(connection: AsyncConnection, feature: Feature, rows: ColumnElement[bool]) -> int:
    if feature.meter is None:
        return 0
    statement = select(func.count()).select_from(tables.event).where(rows, meter_sql.is_skipped(feature.meter))
    return int((await connection.execute(statement)).scalar_one())


def _within(table: Table, period: Period) -> list[ColumnElement[bool]]:
    time = table.c.timestamp_us
    return [time >= microseconds(period.start), time < microseconds(period.end)]
