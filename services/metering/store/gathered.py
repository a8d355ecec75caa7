"""What windows of `MAX`, `MIN`, `AVG` and `LATEST` are made of, in the store. Read and written under the locks of their series."""

from collections.abc import Collection, Mapping, Sequence

from metering.domain.gathered import Gathered
from metering.domain.tracker import Place, PlaceKey
from metering.store.line import Raw
from metering.store.windows import place_columns

_READ = """
SELECT g.tracker_id, g.period_start, g.number, g.count, g.timestamp_us, g.idempotency_key
FROM gathered g JOIN unnest(%s::text[], %s::bigint[], %s::timestamptz[]) AS wanted (customer_id, tracker_id, period_start)
    ON g.customer_id = wanted.customer_id AND g.tracker_id = wanted.tracker_id AND g.period_start = wanted.period_start
"""

_PUT = """
INSERT INTO gathered (customer_id, tracker_id, period_start, number, count, timestamp_us, idempotency_key)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::numeric[], %s::bigint[], %s::bigint[], %s::text[])
    AS changed (customer_id, tracker_id, period_start, number, count, timestamp_us, idempotency_key)
ORDER BY customer_id COLLATE "C", tracker_id, period_start
ON CONFLICT (customer_id, tracker_id, period_start) DO UPDATE SET number = excluded.number, count = excluded.count,
    timestamp_us = excluded.timestamp_us, idempotency_key = excluded.idempotency_key
"""

_DELETE = """
DELETE FROM gathered g USING unnest(%s::text[], %s::bigint[], %s::timestamptz[]) AS gone (customer_id, tracker_id, period_start)
WHERE g.customer_id = gone.customer_id AND g.tracker_id = gone.tracker_id AND g.period_start = gone.period_start
"""


async def read(connection: Raw, places: Collection[Place]) -> Mapping[PlaceKey, Gathered]:
    """Those of these windows that events fell into."""
    cursor = await connection.execute(_READ, place_columns(places)[:3], prepare=True)
    return {(tracker_id, start): Gathered(*one) for tracker_id, start, *one in await cursor.fetchall()}


async def put(connection: Raw, found: Mapping[Place, Gathered]) -> None:
    """Stores them in the place of what is there."""
    several = found.values()
    columns: tuple[Sequence[object], ...] = (
        [one.number for one in several],
        [one.count for one in several],
        [one.time for one in several],
        [one.key for one in several],
    )
    await connection.execute(_PUT, (*place_columns(found)[:3], *columns), prepare=True)


async def delete(connection: Raw, places: Collection[Place]) -> None:
    """Forgets those of windows that no event falls into any more."""
    await connection.execute(_DELETE, place_columns(places)[:3], prepare=True)
