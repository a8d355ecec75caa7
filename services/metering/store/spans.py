"""The periods of a recurrence in which something is stored, a bounded number at a time, whatever lies between them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.period import Period
from kernel.recurrence import Recurrence
from metering.domain.tracker import EPOCH, microseconds

# Periods in one statement: computing them takes 10 ms, for which nobody else is served.
MOST_PERIODS = 1_000


async def occupied(
    connection: AsyncConnection,
    table: Table,
    where: ColumnElement[bool],
    *,
    periods: Recurrence,
) -> AsyncIterator[Sequence[Period]]:
    """Runs of adjacent periods, ascending, that together hold every matching row of the table from the anchor on.

    Args:
        connection: To the store.
        table: With a column `timestamp_us`.
        where: The rows; best found by the index of customer and time.
        periods: The recurrence.
    """
    time = table.c.timestamp_us
    bounds = select(func.min(time), func.max(time)).where(where)
    at = microseconds(periods.anchor)
    while True:
        first, last = (await connection.execute(bounds.where(time >= at))).one()
        if first is None:
            return
        run = _run(periods, EPOCH + timedelta(microseconds=first), EPOCH + timedelta(microseconds=last))
        yield run
        at = microseconds(run[-1].end)


def _run(periods: Recurrence, first: datetime, last: datetime) -> Sequence[Period]:
    index = periods.index_at(first)
    run = [periods.period(index)]
    while run[-1].end <= last and len(run) < MOST_PERIODS:
        index += 1
        run.append(periods.period(index))
    return run
