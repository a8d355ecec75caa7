"""Features in the store."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.feature import Feature, FeatureType, UsageSource
from entitlements.store import tables
from entitlements.store.upsert import upsert_all_if_newer

_TABLE = tables.feature


async def put_all(connection: AsyncConnection, features: Sequence[Feature]) -> Sequence[str]:
    """Stores each feature that is newer; the ids of those stored."""
    return await upsert_all_if_newer(connection, _TABLE, [feature_to_row(feature) for feature in features])


async def read(connection: AsyncConnection, feature_ids: Sequence[str]) -> Mapping[str, Feature]:
    """The features that are known."""
    rows = await connection.execute(select(_TABLE).where(_TABLE.c.id.in_(feature_ids)))
    return {row.id: feature_from_row(row) for row in rows}


async def read_all(connection: AsyncConnection) -> Sequence[Feature]:
    """All features that are known: as many as the catalog has."""
    return [feature_from_row(row) for row in await connection.execute(select(_TABLE))]


def feature_to_row(feature: Feature) -> dict[str, object]:
    """The columns of a feature."""
    return {
        "id": feature.id,
        "type": feature.type.value,
        "display_name": feature.display_name,
        "usage_source": None if feature.usage_source is None else feature.usage_source.value,
        "unit_singular": feature.unit_singular,
        "unit_plural": feature.unit_plural,
        "values": list(feature.values),
        "shadow_mode": feature.shadow_mode,
        "revision": feature.revision,
    }


def feature_from_row(row: Row[Any]) -> Feature:
    """The feature of a row."""
    source = None if row.usage_source is None else UsageSource(row.usage_source)
    return Feature(
        row.id,
        FeatureType(row.type),
        row.display_name,
        source,
        row.unit_singular,
        row.unit_plural,
        row.revision,
        values=tuple(row._mapping["values"]),  # noqa: SLF001 - a row has a method of that name.
        shadow_mode=row.shadow_mode,
    )
