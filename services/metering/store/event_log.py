"""Stored raw events, read back in the order of (time, idempotency key)."""

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Text, cast, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.errors import FieldViolation, invalid
from kit.paging import Page
from metering.domain.event import Event, EventFilter
from metering.domain.meter import Meter
from metering.domain.tracker import EPOCH, microseconds
from metering.store import meter_sql, tables

_TABLE = tables.event


async def list_page(
    connection: AsyncConnection, wanted: EventFilter, meter: Meter | None, page: Page
) -> Sequence[Event]:
    """One event more than the page holds, where there are more; only those that the meter matches, where there is one."""
    table = _TABLE.c
    columns = [column for column in table if column is not table.dimensions]
    query = (
        # As text: the driver would make floats of its numbers.
        select(*columns, cast(table.dimensions, Text).label("dimensions"))
        .where(table.customer_id == wanted.customer_id)
        .order_by(table.timestamp_us, table.idempotency_key)
        .limit(page.size + 1)
    )
    if wanted.event_name:
        query = query.where(table.event_name == wanted.event_name)
    if wanted.start is not None:
        query = query.where(table.timestamp_us >= microseconds(wanted.start))
    if wanted.end is not None:
        query = query.where(table.timestamp_us < microseconds(wanted.end))
    if wanted.resource_id:
        query = query.where(table.resource_id == wanted.resource_id)
    if meter is not None:
        query = query.where(meter_sql.matches(meter))
    for name, value in wanted.dimensions.items():
        query = query.where(meter_sql.has_one_of(name, [value]))
    if page.after:
        time, key = position_of(page)
        # The first condition says nothing new, but the index can use it.
        query = query.where(table.timestamp_us >= time, tuple_(table.timestamp_us, table.idempotency_key) > (time, key))
    rows: Sequence[Any] = (await connection.execute(query)).all()
    return [event_from_row(row) for row in rows]


def position_of(page: Page) -> tuple[int, str]:
    """Where the page before ended: microseconds and key.

    Raises:
        TollkeeperError: `INVALID_PAGE_TOKEN`: somebody made up the token.
    """
    match page.after:
        case (time, key) if time.isascii() and time.isdigit() and len(time) <= 18 and "\0" not in key:
            return int(time), key
        case _:
            violation = FieldViolation("page_token", "is not one that this list returned; start again without it")
            raise invalid(violation, reason="INVALID_PAGE_TOKEN")


def event_from_row(row: Row[Any]) -> Event:
    """The event of a row."""
    return event_of(
        row.customer_id, row.idempotency_key, row.timestamp_us, row.event_name, row.resource_id, row.dimensions
    )


def event_of(  # noqa: PLR0917 - the columns of a row, in the order of the table's key.
    customer_id: str, idempotency_key: str, timestamp_us: int, event_name: str, resource_id: str, dimensions: str
) -> Event:
    """The event of these columns; its dimensions as JSON text."""
    return Event(
        event_name=event_name,
        customer_id=customer_id,
        idempotency_key=idempotency_key,
        resource_id=resource_id,
        time=EPOCH + timedelta(microseconds=timestamp_us),
        dimensions=json.loads(dimensions, parse_float=Decimal),
    )
