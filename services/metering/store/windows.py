"""Windows, and the distinct values that some of them count, in the store."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from kernel.period import Period
from metering.domain.series import Series
from metering.domain.tracker import Place, PlaceKey, Tracker, Window, span_start
from metering.store.line import Raw
from metering.store.series import columns

# The order keeps the two writers of one customer's windows from waiting for each other; the locks of the series do so
# already, but an operator's statement may not.
_ADD = """
INSERT INTO "window" AS w (customer_id, tracker_id, period_start, period_end, value, revision)
SELECT customer_id, tracker_id, period_start, period_end, value, %s
FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::numeric[])
    AS changed (customer_id, tracker_id, period_start, period_end, value)
ORDER BY customer_id COLLATE "C", tracker_id, period_start
ON CONFLICT (customer_id, tracker_id, period_start)
    DO UPDATE SET value = w.value + excluded.value, revision = excluded.revision
RETURNING tracker_id, period_start, value
"""

_PUT = """
INSERT INTO "window" (customer_id, tracker_id, period_start, period_end, value, revision)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::numeric[], %s::bigint[])
    AS changed (customer_id, tracker_id, period_start, period_end, value, revision)
ORDER BY customer_id COLLATE "C", tracker_id, period_start
ON CONFLICT (customer_id, tracker_id, period_start)
    DO UPDATE SET period_end = excluded.period_end, value = excluded.value, revision = excluded.revision
RETURNING tracker_id, period_start, value, revision, reserved
"""

_OF_TRACKER = """
SELECT period_start, period_end, value, revision, reserved FROM "window"
WHERE customer_id = %s AND tracker_id = %s AND period_start >= %s AND period_start < %s ORDER BY period_start
"""

_NEWEST = """
SELECT t.customer_id, t.resource_id, t.feature_id, max(w.revision)
FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (customer_id, resource_id, feature_id)
    JOIN tracker t ON t.customer_id = wanted.customer_id AND t.resource_id = wanted.resource_id AND t.feature_id = wanted.feature_id
    JOIN "window" w ON w.customer_id = t.customer_id AND w.tracker_id = t.id
GROUP BY t.customer_id, t.resource_id, t.feature_id
"""

# In the order in which they are given.
_ADD_DISTINCT = """
WITH fresh AS (
    INSERT INTO unique_value (customer_id, tracker_id, period_start, value)
    SELECT place.customer_id, place.tracker_id, place.period_start, seen.value
    FROM unnest(%s::integer[], %s::text[]) WITH ORDINALITY AS seen (place, value, number)
        JOIN unnest(%s::text[], %s::bigint[], %s::timestamptz[])
            WITH ORDINALITY AS place (customer_id, tracker_id, period_start, number) ON place.number = seen.place
    ORDER BY seen.number
    ON CONFLICT DO NOTHING
    RETURNING tracker_id, period_start
)
SELECT tracker_id, period_start, count(*) FROM fresh GROUP BY tracker_id, period_start
"""


async def add(connection: Raw, changes: Sequence[tuple[Place, Decimal]], *, revision: int) -> list[Window]:
    """Adds to windows under the locks of their series, opening those that are missing; gives them as they are then."""
    if not changes:
        return []
    places = [place for place, _ in changes]
    deltas = [delta for _, delta in changes]
    cursor = await connection.execute(_ADD, (revision, *place_columns(places), deltas), prepare=True)
    by_key = {place.key: place for place in places}
    return [
        by_key[tracker_id, start].window(value, revision=revision)
        for tracker_id, start, value in await cursor.fetchall()
    ]


async def put(connection: Raw, windows: Sequence[Window]) -> list[Window]:
    """Stores value and revision of windows, under the locks of their series; gives them with what is reserved of them."""
    if not windows:
        return []
    values = [window.value for window in windows]
    revisions = [window.revision for window in windows]
    by_key = {window.key: window.place for window in windows}
    columns = place_columns(list(by_key.values()))
    cursor = await connection.execute(_PUT, (*columns, values, revisions), prepare=True)
    return [
        by_key[tracker_id, start].window(value, revision=revision, reserved=reserved)
        for tracker_id, start, value, revision, reserved in await cursor.fetchall()
    ]


async def of_tracker(connection: Raw, tracker: Tracker, *, first: datetime, before: datetime) -> list[Window]:
    """The windows of a tracker whose periods start in `[first, before)`, in order; the endless one starts in 1970."""
    wanted = (tracker.series.customer_id, tracker.id, first, before)
    cursor = await connection.execute(_OF_TRACKER, wanted, prepare=True)
    return [
        Place(tracker, None if end is None else Period(start, end)).window(value, revision=revision, reserved=reserved)
        for start, end, value, revision, reserved in await cursor.fetchall()
    ]


async def newest_revisions(connection: Raw, series: Collection[Series]) -> Mapping[Series, int]:
    """The greatest revision among the windows of each of these series that has any."""
    cursor = await connection.execute(_NEWEST, columns(series), prepare=True)
    return {Series(*key): revision for *key, revision in await cursor.fetchall()}


async def add_distinct(connection: Raw, seen: Mapping[Place, Collection[str]]) -> Mapping[PlaceKey, int]:
    """Keeps the values under the locks of their series; counts those that were new, by window."""
    if not seen:
        return {}
    places = sorted(seen, key=lambda place: (place.tracker.series.customer_id, place.key))
    numbers: list[int] = []
    values: list[str] = []
    for number, place in enumerate(places, start=1):
        numbers += [number] * len(seen[place])
        values += sorted(seen[place])
    columns = (numbers, values, *place_columns(places)[:3])
    cursor = await connection.execute(_ADD_DISTINCT, columns, prepare=True)
    return {(tracker_id, start): count for tracker_id, start, count in await cursor.fetchall()}


def place_columns(
    places: Collection[Place],
) -> tuple[list[str], list[int], list[datetime], list[datetime | None]]:
    """Customer, tracker, start and end of each as arrays."""
    return (
        [place.tracker.series.customer_id for place in places],
        [place.tracker.id for place in places],
        [span_start(place.span) for place in places],
        [None if place.span is None else place.span.end for place in places],
    )
