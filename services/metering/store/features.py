"""Features and the version of their meters in the store.

Whoever counts by the meters holds `hold_meters` to its transaction's end; whoever changes them waits for all of those
with `change_meters`, so that no event slips between a meter that is new and one that did not know it yet.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.domain.feature import Feature, UsageSource
from metering.messages.feature import meter_from_bytes, meter_to_bytes
from metering.store import tables
from metering.store.line import Raw

_TABLE = tables.feature
# Any constant serves: each service has a database of its own.
_METERS_LOCK = 7_402_001

_HOLD = f"SELECT pg_advisory_xact_lock_shared({_METERS_LOCK}); SELECT version FROM meter_set"

_THRESHOLDS = "SELECT id, thresholds FROM feature WHERE id = ANY(%s::text[])"

_METERED = "SELECT id, source, meter, revision FROM feature WHERE meter IS NOT NULL ORDER BY id"


async def hold_meters(connection: Raw) -> int:
    """Keeps the meters as they are until the transaction's end; gives their version."""
    cursor = await connection.execute(_HOLD, prepare=False)
    # Two statements, two results: the version must be read after the lock is held.
    cursor.nextset()
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the migration put the one row there.
    return int(row[0])


async def change_meters(connection: AsyncConnection) -> None:
    """Waits until nobody counts, and raises the version."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _METERS_LOCK})
    await connection.execute(update(tables.meter_set).values(version=tables.meter_set.c.version + 1))


async def get(connection: AsyncConnection, feature_id: str) -> Feature | None:
    """The feature, or None."""
    row = (await connection.execute(select(_TABLE).where(_TABLE.c.id == feature_id))).one_or_none()
    return None if row is None else feature_from_row(row)


async def metered_by_events(connection: Raw) -> Sequence[Feature]:
    """The features that meters count; on the connection that holds them, since the pool's may all wait for it to let go."""
    cursor = await connection.execute(_METERED)
    return [
        Feature(feature_id, UsageSource(source), meter_from_bytes(meter), revision)
        for feature_id, source, meter, revision in await cursor.fetchall()
    ]


async def thresholds(connection: Raw, feature_ids: Collection[str]) -> Mapping[str, tuple[int, ...]]:
    """The shares of a limit whose crossing is announced, of each of these features."""
    cursor = await connection.execute(_THRESHOLDS, (list(feature_ids),), prepare=True)
    return {feature_id: tuple(percents) for feature_id, percents in await cursor.fetchall()}


async def put(connection: AsyncConnection, feature: Feature) -> None:
    """Stores the feature unless a newer revision is there."""
    statement = insert(_TABLE).values(feature_to_row(feature))
    newer = statement.on_conflict_do_update(
        index_elements=[_TABLE.c.id],
        set_={name: statement.excluded[name] for name in ("source", "meter", "thresholds", "revision")},
        where=statement.excluded.revision > _TABLE.c.revision,
    )
    await connection.execute(newer)


def feature_to_row(feature: Feature) -> dict[str, object]:
    """The columns of a feature."""
    return {
        "id": feature.id,
        "source": feature.source.value,
        "meter": None if feature.meter is None else meter_to_bytes(feature.meter),
        "thresholds": list(feature.thresholds),
        "revision": feature.revision,
    }


def feature_from_row(row: Row[Any]) -> Feature:
    """The feature of a row."""
    meter = None if row.meter is None else meter_from_bytes(row.meter)
    return Feature(row.id, UsageSource(row.source), meter, row.revision, tuple(row.thresholds))
