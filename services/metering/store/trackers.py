"""Trackers in the store."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from kernel.recurrence import Interval, Recurrence
from metering.domain.series import Series
from metering.domain.tracker import EPOCH, Periods, Tracker
from metering.store.line import Raw
from metering.store.series import columns

_OF_SERIES = """
SELECT t.id, t.customer_id, t.resource_id, t.feature_id, t.interval, t.anchor, t.time_zone
FROM tracker t JOIN unnest(%s::text[], %s::text[], %s::text[]) AS wanted (customer_id, resource_id, feature_id)
    ON t.customer_id = wanted.customer_id AND t.resource_id = wanted.resource_id AND t.feature_id = wanted.feature_id
"""

_ADD = """
INSERT INTO tracker (customer_id, resource_id, feature_id, interval, anchor, time_zone)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""
_COUNT = """
UPDATE series SET tracker_count = tracker_count + 1 WHERE customer_id = %s AND resource_id = %s AND feature_id = %s
"""


async def of_series(connection: Raw, series: Collection[Series]) -> Mapping[Series, Sequence[Tracker]]:
    """The trackers of each series."""
    cursor = await connection.execute(_OF_SERIES, columns(series), prepare=True)
    found: defaultdict[Series, list[Tracker]] = defaultdict(list)
    for tracker_id, customer_id, resource_id, feature_id, interval, anchor, zone in await cursor.fetchall():
        key = Series(customer_id, resource_id, feature_id)
        found[key].append(Tracker(tracker_id, key, periods_from_row(interval, anchor, zone)))
    return found


async def add(connection: Raw, series: Series, periods: Periods) -> Tracker:
    """Stores a tracker that does not exist, under its series' lock."""
    cursor = await connection.execute(_ADD, (*series, *periods_to_row(periods)), prepare=True)
    row = await cursor.fetchone()
    await connection.execute(_COUNT, tuple(series), prepare=True)
    assert row is not None  # noqa: S101 - RETURNING of one inserted row.
    return Tracker(row[0], series, periods)


def periods_to_row(periods: Periods) -> tuple[str, datetime, str]:
    """Interval, anchor and zone."""
    return ("", EPOCH, "") if periods is None else (periods.interval.value, periods.anchor, periods.zone)


# Many trackers share one recurrence, and making one loads its zone.
@lru_cache(maxsize=10_000)
def periods_from_row(interval: str, anchor: datetime, zone: str) -> Periods:
    """The periods of a row."""
    return Recurrence(Interval(interval), anchor, zone) if interval else None


def by_content(found: Mapping[Series, Sequence[Tracker]]) -> dict[tuple[Series, Periods], Tracker]:
    """The same trackers by what they count."""
    return {(tracker.series, tracker.periods): tracker for several in found.values() for tracker in several}
