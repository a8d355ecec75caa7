"""What a report is decided by and changes: the locked rows of series, and the windows of calculated usage with what is reserved."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from metering.domain.account import Account, Stored
from metering.domain.series import Series
from metering.domain.tracker import Place, PlaceKey, Window, span_start
from metering.store import arrays
from metering.store.line import Raw, Rows

_LOCK = """
SELECT s.customer_id, s.resource_id, s.feature_id, s.limit_revision, s.tracker_count, s.open_reservations, s.next_lapse,
    s.limits_version, clock_timestamp()
FROM series s JOIN unnest(%s::text[], %s::text[], %s::text[]) AS wanted (customer_id, resource_id, feature_id)
    ON s.customer_id = wanted.customer_id AND s.resource_id = wanted.resource_id AND s.feature_id = wanted.feature_id
ORDER BY s.customer_id, s.resource_id, s.feature_id
FOR UPDATE OF s
"""

_REVISIONS = "SELECT array_agg(nextval('revision')) FROM generate_series(1, %s)"

_PUT = """
UPDATE series s
SET limit_revision = changed.limit_revision, open_reservations = changed.open_reservations, next_lapse = changed.next_lapse
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::integer[], %s::timestamptz[])
    AS changed (customer_id, resource_id, feature_id, limit_revision, open_reservations, next_lapse)
WHERE s.customer_id = changed.customer_id AND s.resource_id = changed.resource_id AND s.feature_id = changed.feature_id
"""

_READ_WINDOWS = """
SELECT w.tracker_id, w.period_start, w.value, w.reserved, w.revision
FROM "window" w JOIN unnest(%s::text[], %s::bigint[], %s::timestamptz[]) AS wanted (customer_id, tracker_id, period_start)
    ON w.customer_id = wanted.customer_id AND w.tracker_id = wanted.tracker_id AND w.period_start = wanted.period_start
"""

_PUT_WINDOWS = """
INSERT INTO "window" (customer_id, tracker_id, period_start, period_end, value, reserved, revision)
SELECT * FROM unnest(
    %s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::bigint[]
) AS changed (customer_id, tracker_id, period_start, period_end, value, reserved, revision)
ORDER BY customer_id COLLATE "C", tracker_id, period_start
ON CONFLICT (customer_id, tracker_id, period_start)
    DO UPDATE SET value = excluded.value, reserved = excluded.reserved, revision = excluded.revision
"""


async def lock(connection: Raw, series: Collection[Series]) -> Rows:
    """Locks series that exist until the transaction's end, in the order of their keys. `locked` reads them."""
    return await connection.execute(_LOCK, _keys(series), prepare=True)


async def locked(cursor: Rows) -> tuple[Mapping[Series, Account], datetime]:
    """The locked series; and what time it is, by the one clock that all replicas share."""
    now = datetime.min.replace(tzinfo=UTC)
    found: dict[Series, Account] = {}
    for customer_id, resource_id, feature_id, *account, time in await cursor.fetchall():
        found[Series(customer_id, resource_id, feature_id)] = Account(*account)
        now = max(now, time)
    return found, now


async def take_revisions(connection: Raw, count: int) -> Rows:
    """So many revisions, taken under the locks. `revisions` reads them."""
    return await connection.execute(_REVISIONS, (count,), prepare=True)


async def revisions(cursor: Rows) -> Sequence[int]:
    """Ascending, greater than all that were taken by transactions that held any of the locks before."""
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row.
    return row[0] or ()


async def put(connection: Raw, accounts: Mapping[Series, Account]) -> None:
    """Stores what changed of locked series."""
    if not accounts:
        return
    several = accounts.values()
    values = (
        arrays.of_numbers(account.limit_revision for account in several),
        arrays.of_numbers(account.open_reservations for account in several),
        arrays.of_times(account.next_lapse for account in several),
    )
    await connection.execute(_PUT, (*_keys(accounts), *values), prepare=True)


async def read_windows(connection: Raw, places: Sequence[Place]) -> Mapping[PlaceKey, Stored]:
    """Those windows that have a row."""
    keys = (
        arrays.of_texts(place.tracker.series.customer_id for place in places),
        arrays.of_numbers(place.tracker.id for place in places),
        arrays.of_times(span_start(place.span) for place in places),
    )
    cursor = await connection.execute(_READ_WINDOWS, keys, prepare=True)
    return {(tracker_id, start): tuple(stored) for tracker_id, start, *stored in await cursor.fetchall()}


async def put_windows(connection: Raw, windows: Sequence[Window]) -> None:
    """Stores windows as they are, under the locks of their series."""
    if not windows:
        return
    fields = (
        arrays.of_texts(window.tracker.series.customer_id for window in windows),
        arrays.of_numbers(window.tracker.id for window in windows),
        arrays.of_times(span_start(window.span) for window in windows),
        arrays.of_times(None if window.span is None else window.span.end for window in windows),
        arrays.of_numbers(window.value for window in windows),
        arrays.of_numbers(window.reserved for window in windows),
        arrays.of_numbers(window.revision for window in windows),
    )
    await connection.execute(_PUT_WINDOWS, fields, prepare=True)


def _keys(series: Collection[Series]) -> tuple[str, str, str]:
    return (
        arrays.of_texts(one.customer_id for one in series),
        arrays.of_texts(one.resource_id for one in series),
        arrays.of_texts(one.feature_id for one in series),
    )
