"""The periods of a recurrence in which something is stored, a bounded number at a time, whatever lies between them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, select
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
    at = microseconds(periods.anchor)
    while (bounds := await between(connection, table, where, at=at)) is not None:
        run = run_over(periods, *bounds)
        yield run
        at = microseconds(run[-1].end)


async def between(
    connection: AsyncConnection, table: Table, where: ColumnElement[bool], *, at: int, until: int | None = None
) -> tuple[datetime, datetime] | None:
    """The times of the first and the last matching row from `at` on and before `until`, in microseconds; None: there is none."""
    time = table.c.timestamp_us
    rows = select(time).where(where, time >= at).limit(1)
    if until is not None:
        rows = rows.where(time < until)
    # Each stops at the first row that it finds in the index; the least and the greatest would read all that lies between.
    first = (await connection.execute(rows.order_by(time))).scalar_one_or_none()
    last = (await connection.execute(rows.order_by(time.desc()))).scalar_one_or_none()
    if first is None or last is None:
        return None
    return EPOCH + timedelta(microseconds=first), EPOCH + timedelta(microseconds=last)


def run_over(periods: Recurrence, first: datetime, last: datetime) -> list[Period]:
    """Adjacent periods from the one that holds the first instant on, to the one that holds the last, or as many as one statement
    takes.
    """
    index = periods.index_at(first)
    run = [periods.period(index)]
    while run[-1].end <= last and len(run) < MOST_PERIODS:
        index += 1
        run.append(periods.period(index))
    return run
