"""Limits over trackers, and the shares of them whose crossing was announced, in the store. Changed under the locks of their series."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from kernel.period import utc
from metering.domain.series import Series
from metering.domain.threshold import Crossing, LimitSpan, Share
from metering.domain.tracker import Tracker, span_start
from metering.store.line import Raw
from metering.store.series import columns
from metering.store.trackers import periods_from_row

_KNOWN = "SELECT tracker_id, entitlement_revision FROM tracker_limit WHERE tracker_id = ANY(%s::bigint[])"

_PUT = """
INSERT INTO tracker_limit (tracker_id, customer_id, test_clock_id, entitlement_revision, spans, next_time)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::jsonb[], %s::timestamptz[])
    AS said (tracker_id, customer_id, test_clock_id, entitlement_revision, spans, next_time)
ORDER BY tracker_id
ON CONFLICT (tracker_id) DO UPDATE SET test_clock_id = excluded.test_clock_id, spans = excluded.spans,
    entitlement_revision = excluded.entitlement_revision, next_time = excluded.next_time
"""

_CHANGED = """
UPDATE series s SET limits_version = %s
FROM unnest(%s::text[], %s::text[], %s::text[]) AS changed (customer_id, resource_id, feature_id)
WHERE s.customer_id = changed.customer_id AND s.resource_id = changed.resource_id AND s.feature_id = changed.feature_id
"""

_CLOCKS = """
SELECT wanted.customer_id, coalesce(c.test_clock_id, ''), coalesce(t.time, clock_timestamp())
FROM unnest(%s::text[]) AS wanted (customer_id)
    LEFT JOIN customer c ON c.id = wanted.customer_id
    LEFT JOIN test_clock t ON t.id = c.test_clock_id
"""

_DUE = """
SELECT t.id, t.customer_id, t.resource_id, t.feature_id, t.interval, t.anchor, t.time_zone
FROM (
    (SELECT tracker_id FROM tracker_limit
    WHERE test_clock_id = '' AND next_time IS NOT NULL AND next_time <= clock_timestamp() ORDER BY next_time LIMIT %s)
    UNION ALL
    (SELECT l.tracker_id FROM test_clock c JOIN tracker_limit l
        ON l.test_clock_id = c.id AND l.next_time IS NOT NULL AND l.next_time <= c.time LIMIT %s)
) AS due JOIN tracker t ON t.id = due.tracker_id
"""

_SPANS = "SELECT tracker_id, spans FROM tracker_limit WHERE tracker_id = ANY(%s::bigint[])"

_WAIT = """
UPDATE tracker_limit l SET next_time = changed.next_time
FROM unnest(%s::bigint[], %s::timestamptz[]) AS changed (tracker_id, next_time) WHERE l.tracker_id = changed.tracker_id
"""

_CROSS = """
INSERT INTO crossed_threshold (customer_id, tracker_id, period_start, percent)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::integer[])
    AS reached (customer_id, tracker_id, period_start, percent)
ORDER BY customer_id COLLATE "C", tracker_id, period_start, percent
ON CONFLICT DO NOTHING
RETURNING tracker_id, period_start, percent
"""


@dataclass(frozen=True, slots=True)
class StoredLimits:
    """The limits over a tracker as they are stored.

    Attributes:
        test_clock_id: The customer's clock; empty: real time.
        next_time: When another limit stands than now.
    """

    tracker: Tracker
    test_clock_id: str
    entitlement_revision: int
    spans: tuple[LimitSpan, ...]
    next_time: datetime | None


async def of_trackers(connection: Raw, tracker_ids: Collection[int]) -> Mapping[int, tuple[LimitSpan, ...]]:
    """The limits over each of these trackers that has any."""
    cursor = await connection.execute(_SPANS, (list(tracker_ids),), prepare=True)
    return {tracker_id: spans_from_row(spans) for tracker_id, spans in await cursor.fetchall()}


async def revisions(connection: Raw, tracker_ids: Collection[int]) -> Mapping[int, int]:
    """The entitlement revisions that the limits over these trackers were said with."""
    cursor = await connection.execute(_KNOWN, (list(tracker_ids),), prepare=True)
    return dict(await cursor.fetchall())


async def put(connection: Raw, limits: Sequence[StoredLimits], *, version: int) -> None:
    """Stores limits in the place of those that stand, and gives their series another version."""
    arrays = (
        [each.tracker.id for each in limits],
        [each.tracker.series.customer_id for each in limits],
        [each.test_clock_id for each in limits],
        [each.entitlement_revision for each in limits],
        [json.dumps(spans_to_row(each.spans)) for each in limits],
        [each.next_time for each in limits],
    )
    await connection.execute(_PUT, arrays, prepare=True)
    await connection.execute(_CHANGED, (version, *columns({each.tracker.series for each in limits})), prepare=True)


async def clocks(connection: Raw, customer_ids: Collection[str]) -> Mapping[str, tuple[str, datetime]]:
    """The clock of each of these customers, empty for real time, and what time it is for it."""
    cursor = await connection.execute(_CLOCKS, (list(customer_ids),), prepare=True)
    return {customer_id: (clock_id, utc(time)) for customer_id, clock_id, time in await cursor.fetchall()}


async def due(connection: Raw, *, most: int) -> Sequence[Tracker]:
    """Trackers over which another limit stands by now, and nobody has looked yet."""
    cursor = await connection.execute(_DUE, (most, most), prepare=True)
    return [
        Tracker(tracker_id, Series(customer_id, resource_id, feature_id), periods_from_row(interval, anchor, zone))
        for tracker_id, customer_id, resource_id, feature_id, interval, anchor, zone in await cursor.fetchall()
    ]


async def wait(connection: Raw, next_times: Mapping[int, datetime | None]) -> None:
    """Stores when each of these trackers is to be looked at again."""
    await connection.execute(_WAIT, (list(next_times), list(next_times.values())), prepare=True)


async def cross(connection: Raw, crossings: Sequence[Crossing]) -> frozenset[Share]:
    """Notes that shares were reached; those that nobody had noted before."""
    arrays = (
        [crossing.window.tracker.series.customer_id for crossing in crossings],
        [crossing.window.tracker.id for crossing in crossings],
        [span_start(crossing.window.span) for crossing in crossings],
        [crossing.percent for crossing in crossings],
    )
    cursor = await connection.execute(_CROSS, arrays, prepare=True)
    return frozenset(((tracker_id, start), percent) for tracker_id, start, percent in await cursor.fetchall())


def spans_to_row(spans: Sequence[LimitSpan]) -> list[list[str | None]]:
    """Limits by time as JSON."""
    return [[format(span.limit, "f"), *(_text(edge) for edge in (span.start, span.end))] for span in spans]


def spans_from_row(row: Sequence[Sequence[Any]]) -> tuple[LimitSpan, ...]:
    """The limits of the JSON."""
    return tuple(LimitSpan(Decimal(limit), _time(start), _time(end)) for limit, start, end in row)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else utc(datetime.fromisoformat(text))
