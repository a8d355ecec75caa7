"""Events that were taken back: moved out of the raw events, so that nobody who counts those need know of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Text, cast, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.paging import Page
from metering.domain.event import Event, EventKey, Retraction
from metering.domain.tracker import EPOCH, microseconds
from metering.store import tables
from metering.store.event_log import event_of, position_of
from metering.store.line import Raw

_TABLE = tables.retraction

# In the given order here and below: two transactions with the same keys in different orders would wait for each other.
_NOTE = """
INSERT INTO retraction (customer_id, idempotency_key, retract_time, reason)
SELECT customer_id, idempotency_key, %s, %s
FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (customer_id, idempotency_key, place) ORDER BY place
ON CONFLICT DO NOTHING
RETURNING customer_id, idempotency_key
"""

_USE_UP = """
INSERT INTO event_key (customer_id, idempotency_key)
SELECT customer_id, idempotency_key
FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (customer_id, idempotency_key, place) ORDER BY place
ON CONFLICT DO NOTHING
RETURNING customer_id, idempotency_key
"""

# By customer and time, each looked up once, whatever the planner knows of the tables: of an export that tells only days,
# thousands of events have the same time.
_FIND = """
SELECT e.customer_id, e.idempotency_key, e.timestamp_us, e.event_name, e.resource_id, e.dimensions::text AS dimensions
FROM (
    SELECT k.customer_id, k.timestamp_us, array_agg(k.idempotency_key) AS keys
    FROM unnest(%s::text[], %s::text[]) AS wanted (customer_id, idempotency_key)
        JOIN event_key k ON k.customer_id = wanted.customer_id AND k.idempotency_key = wanted.idempotency_key
    GROUP BY k.customer_id, k.timestamp_us
) AS time
    JOIN event e ON e.customer_id = time.customer_id AND e.timestamp_us = time.timestamp_us AND e.idempotency_key = ANY (time.keys)
"""

_MOVE = """
WITH gone AS (
    DELETE FROM event e USING (
        SELECT customer_id, timestamp_us, array_agg(idempotency_key) AS keys
        FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS found (customer_id, idempotency_key, timestamp_us)
        GROUP BY customer_id, timestamp_us
    ) AS time
    WHERE e.customer_id = time.customer_id AND e.timestamp_us = time.timestamp_us AND e.idempotency_key = ANY (time.keys)
    RETURNING e.*
)
UPDATE retraction r
SET timestamp_us = gone.timestamp_us, event_name = gone.event_name, resource_id = gone.resource_id, dimensions = gone.dimensions
FROM gone WHERE r.customer_id = gone.customer_id AND r.idempotency_key = gone.idempotency_key
RETURNING r.customer_id, r.idempotency_key
"""


async def note(connection: Raw, keys: Sequence[EventKey], *, at: datetime, reason: str) -> set[EventKey]:
    """Notes that these keys, ascending, are taken back; gives those that were not before."""
    cursor = await connection.execute(_NOTE, (at, reason, *_columns(keys)), prepare=True)
    return {EventKey(*key) for key in await cursor.fetchall()}


async def use_up(connection: Raw, keys: Sequence[EventKey]) -> set[EventKey]:
    """Uses up those of these keys, ascending, that no event has used; gives them.

    Whoever is about to let in an event with such a key is waited for.
    """
    cursor = await connection.execute(_USE_UP, _columns(keys), prepare=True)
    return {EventKey(*key) for key in await cursor.fetchall()}


async def find(connection: Raw, keys: Sequence[EventKey]) -> list[Event]:
    """The events of these keys that are stored."""
    cursor = await connection.execute(_FIND, _columns(keys), prepare=True)
    return [event_of(*columns) for columns in await cursor.fetchall()]


async def move(connection: Raw, events: Sequence[Event]) -> set[EventKey]:
    """Moves events to the notes of their keys; gives the keys of those that were still there."""
    keys = [EventKey(event.customer_id, event.idempotency_key) for event in events]
    times = [microseconds(event.time) for event in events]
    cursor = await connection.execute(_MOVE, (*_columns(keys), times), prepare=True)
    return {EventKey(*key) for key in await cursor.fetchall()}


async def list_page(connection: AsyncConnection, customer_id: str, page: Page) -> Sequence[Retraction]:
    """The newest first; one more than the page holds, where there are more."""
    table = _TABLE.c
    columns = [column for column in table if column is not table.dimensions]
    query = (
        select(*columns, cast(table.dimensions, Text).label("dimensions"))
        .where(table.customer_id == customer_id)
        .order_by(table.retract_time.desc(), table.idempotency_key.desc())
        .limit(page.size + 1)
    )
    if page.after:
        time, key = position_of(page)
        at = EPOCH + timedelta(microseconds=time)
        query = query.where(table.retract_time <= at, tuple_(table.retract_time, table.idempotency_key) < (at, key))
    rows: Sequence[Any] = (await connection.execute(query)).all()
    return [retraction_from_row(row) for row in rows]


def retraction_from_row(row: Row[Any]) -> Retraction:
    """The retraction of a row."""
    event = None
    if row.timestamp_us is not None:
        event = event_of(
            row.customer_id, row.idempotency_key, row.timestamp_us, row.event_name, row.resource_id, row.dimensions
        )
    return Retraction(row.customer_id, row.idempotency_key, row.retract_time, row.reason, event)


def _columns(keys: Sequence[EventKey]) -> tuple[list[str], list[str]]:
    return [key.customer_id for key in keys], [key.idempotency_key for key in keys]
