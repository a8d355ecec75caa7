"""Windows as they are stored, for comparing ways to count."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import text

from kit.db import Database
from metering.domain.series import Series
from metering.domain.tracker import Tracker
from metering.store import backfill, features, series, trackers
from metering.store.line import raw_of

# The resource, the feature, the interval and the start of the period.
Key = tuple[str, str, str, str]

_WINDOWS = """
SELECT t.resource_id, t.feature_id, t.interval, w.period_start, w.value
FROM "window" w JOIN tracker t ON t.id = w.tracker_id WHERE w.customer_id = :customer
"""
_TRACKERS = """
SELECT id, customer_id, resource_id, feature_id, interval, anchor, time_zone FROM tracker WHERE customer_id = :customer
"""


async def stored_windows(database: Database, customer: str) -> Mapping[Key, Decimal]:
    """All windows of a customer."""
    async with database.read() as connection:
        rows = await connection.execute(text(_WINDOWS), {"customer": customer})
        return {(row[0], row[1], row[2], row[3].isoformat()): row[4].normalize() for row in rows}


async def rebuild(database: Database, customer: str) -> None:
    """Computes every window of a customer anew from the raw data."""
    async with database.write() as connection:
        rows = (await connection.execute(text(_TRACKERS), {"customer": customer})).all()
        raw = await raw_of(connection)
        for tracker_id, customer_id, resource_id, feature_id, interval, anchor, zone in rows:
            one = Series(customer_id, resource_id, feature_id)
            await series.lock(raw, [one])
            (revision,) = await series.next_revisions(raw, 1)
            feature = await features.get(connection, feature_id)
            assert feature is not None
            tracker = Tracker(tracker_id, one, trackers.periods_from_row(interval, anchor, zone))
            for table in ("window", "gathered", "unique_value"):
                await connection.execute(text(f'DELETE FROM "{table}" WHERE tracker_id = :id'), {"id": tracker_id})
            await backfill.count(connection, feature, tracker, revision=revision)
