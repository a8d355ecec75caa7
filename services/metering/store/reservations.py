"""Reservations in the store. Their keys, and what these are answered, stand in `measurement`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kernel.quantity import EXACT, ZERO
from metering.domain.account import ReservationKey
from metering.domain.reservation import KEPT, Ending, Reservation
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import EPOCH, Place, PlaceKey, Tracker, covers, microseconds, span_start
from metering.store.line import Raw

COLUMNS = """r.id, r.customer_id, r.resource_id, r.feature_id, r.idempotency_key, r.timestamp_us, r.value,
    r.expire_time, r.end_state, r.committed_value"""

_SERIES_OF = """
SELECT r.customer_id, r.id, r.resource_id, r.feature_id
FROM reservation r JOIN unnest(%s::text[], %s::text[]) AS wanted (customer_id, id)
    ON r.customer_id = wanted.customer_id AND r.id = wanted.id
"""

_OF_IDS = f"""
SELECT {COLUMNS}, m.tracker_id, m.period_start
FROM reservation r JOIN unnest(%s::text[], %s::text[]) AS wanted (customer_id, id)
    ON r.customer_id = wanted.customer_id AND r.id = wanted.id
JOIN measurement m ON m.customer_id = r.customer_id AND m.idempotency_key = r.idempotency_key
"""

_LAPSED = f"""
SELECT {COLUMNS} FROM reservation r
WHERE r.customer_id = %s AND r.feature_id = %s AND r.end_time IS NULL AND r.expire_time <= %s
"""

_NEXT = """
SELECT min(expire_time) FROM reservation WHERE customer_id = %s AND feature_id = %s AND end_time IS NULL AND expire_time > %s
"""

_ADD = """
INSERT INTO reservation
    (customer_id, id, idempotency_key, resource_id, feature_id, timestamp_us, value, expire_time)
SELECT * FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::numeric[], %s::timestamptz[]
)
"""

_END = """
UPDATE reservation r SET end_state = ended.state, committed_value = ended.committed, end_time = clock_timestamp()
FROM unnest(%s::text[], %s::text[], %s::text[], %s::numeric[]) AS ended (customer_id, id, state, committed)
WHERE r.customer_id = ended.customer_id AND r.id = ended.id
"""

_COMMIT = """
UPDATE measurement m SET delta = committed.delta
FROM unnest(%s::text[], %s::text[], %s::numeric[]) AS committed (customer_id, idempotency_key, delta)
WHERE m.customer_id = committed.customer_id AND m.idempotency_key = committed.idempotency_key
"""

_DUE = """
SELECT customer_id, resource_id, feature_id, next_lapse - clock_timestamp() FROM series
WHERE next_lapse <= clock_timestamp() + %s ORDER BY next_lapse LIMIT %s
"""

_OPEN = """
SELECT timestamp_us, value FROM reservation
WHERE customer_id = %s AND feature_id = %s AND end_time IS NULL AND %s IN ('', resource_id)
"""

_HOLD = """
INSERT INTO "window" (customer_id, tracker_id, period_start, period_end, value, reserved, revision)
VALUES (%s, %s, %s, %s, 0, %s, %s)
ON CONFLICT (customer_id, tracker_id, period_start) DO UPDATE SET reserved = excluded.reserved
"""

# Its measurement goes with it unless it was committed: then the key stays used.
_FORGET = """
WITH forgotten AS (
    DELETE FROM reservation WHERE (customer_id, id) IN (
        SELECT customer_id, id FROM reservation WHERE end_time < clock_timestamp() - %s
        ORDER BY end_time LIMIT %s FOR UPDATE SKIP LOCKED
    ) RETURNING customer_id, idempotency_key, end_state
), freed AS (
    DELETE FROM measurement m USING forgotten f
    WHERE m.customer_id = f.customer_id AND m.idempotency_key = f.idempotency_key AND f.end_state <> %s
)
SELECT count(*) FROM forgotten
"""


async def series_of(connection: Raw, keys: Collection[ReservationKey]) -> Mapping[ReservationKey, Series]:
    """Whose usage of what each holds; those that do not exist are left out."""
    cursor = await connection.execute(_SERIES_OF, _arrays(keys), prepare=True)
    return {
        (customer_id, name): Series(customer_id, resource_id, feature_id)
        for customer_id, name, resource_id, feature_id in await cursor.fetchall()
    }


async def of_ids(connection: Raw, keys: Collection[ReservationKey]) -> list[tuple[Reservation, PlaceKey]]:
    """Those of them that exist, each with the window that it was decided in."""
    cursor = await connection.execute(_OF_IDS, _arrays(keys), prepare=True)
    return [(from_row(row), (tracker_id, start)) for *row, tracker_id, start in await cursor.fetchall()]


async def lapsed(connection: Raw, whole: Series, now: datetime) -> tuple[list[Reservation], datetime | None]:
    """The open ones of the customer's feature that have lapsed, under its lock; and when the next of the others does."""
    wanted = (whole.customer_id, whole.feature_id, now)
    found = await (await connection.execute(_LAPSED, wanted, prepare=True)).fetchall()
    row = await (await connection.execute(_NEXT, wanted, prepare=True)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row.
    return [from_row(each) for each in found], row[0]


async def add(connection: Raw, made: Sequence[Reservation]) -> None:
    """Stores new ones; their measurements are stored by themselves."""
    if not made:
        return
    arrays = (
        [one.series.customer_id for one in made],
        [one.id for one in made],
        [one.idempotency_key for one in made],
        [one.series.resource_id for one in made],
        [one.series.feature_id for one in made],
        [microseconds(one.time) for one in made],
        [one.value for one in made],
        [one.expire_time for one in made],
    )
    await connection.execute(_ADD, arrays, prepare=True)


async def end(connection: Raw, ended: Collection[Reservation]) -> None:
    """Stores how reservations ended, and what was committed of them as usage."""
    if not ended:
        return
    arrays = (
        [one.series.customer_id for one in ended],
        [one.id for one in ended],
        [one.ending for one in ended],
        [one.committed for one in ended],
    )
    await connection.execute(_END, arrays, prepare=True)
    if committed := [one for one in ended if one.committed]:
        keys = ([one.series.customer_id for one in committed], [one.idempotency_key for one in committed])
        await connection.execute(_COMMIT, (*keys, [one.committed for one in committed]), prepare=True)


async def due(connection: Raw, *, within: timedelta, most: int) -> list[tuple[Series, timedelta]]:
    """Of what customers something may lapse soon, the soonest first, and how soon; below zero: it has."""
    cursor = await connection.execute(_DUE, (within, most), prepare=True)
    return [(Series(*key), left) for *key, left in await cursor.fetchall()]


async def hold_for(connection: Raw, tracker: Tracker, *, finder: SpanFinder, revision: int) -> None:
    """Lets a tracker that is new show what open reservations hold of its periods, under the locks of its series and of the customer
    as a whole.
    """
    series = tracker.series
    wanted = (series.customer_id, series.feature_id, series.resource_id)
    held: dict[Place, Decimal] = {}
    for time, value in await (await connection.execute(_OPEN, wanted, prepare=True)).fetchall():
        if covers(tracker.periods, EPOCH + timedelta(microseconds=time)):
            place = Place(tracker, finder.at(tracker.periods, time))
            held[place] = EXACT.add(held.get(place, ZERO), value)
    for place, value in held.items():
        end_time = None if place.span is None else place.span.end
        row = (series.customer_id, tracker.id, span_start(place.span), end_time, value, revision)
        await connection.execute(_HOLD, row, prepare=True)


async def forget(connection: Raw, *, most: int) -> int:
    """Deletes some of those that ended long ago; how many."""
    cursor = await connection.execute(_FORGET, (KEPT, most, Ending.COMMITTED), prepare=True)
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row.
    return int(row[0])


def from_row(row: Sequence[Any]) -> Reservation:
    """The reservation of a row of `COLUMNS`."""
    name, customer_id, resource_id, feature_id, key, time, value, expire_time, state, committed = row
    return Reservation(
        id=name,
        series=Series(customer_id, resource_id, feature_id),
        idempotency_key=key,
        time=EPOCH + timedelta(microseconds=time),
        value=value,
        expire_time=expire_time,
        ending=Ending(state) if state else None,
        committed=committed or ZERO,
    )


def _arrays(keys: Collection[ReservationKey]) -> tuple[list[str], list[str]]:
    return [customer_id for customer_id, _ in keys], [name for _, name in keys]
