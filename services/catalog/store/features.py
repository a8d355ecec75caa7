"""Features in the store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, all_, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.feature import Feature
from catalog.messages.feature import feature_from_proto, feature_to_proto
from catalog.store import tables
from catalog.store.arrays import texts
from kit.paging import Page
from tollkeeper.catalog.v1 import feature_pb2

_TABLE = tables.feature


async def get(connection: AsyncConnection, feature_id: str, *, lock: bool = False) -> Feature | None:
    """The feature, or None; with `lock` until the transaction's end."""
    query = select(_TABLE).where(_TABLE.c.id == feature_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else feature_from_row(row)


async def get_all(connection: AsyncConnection, ids: Collection[str]) -> Mapping[str, Feature]:
    """Those of the features that exist, by id."""
    rows = await connection.execute(select(_TABLE).where(_TABLE.c.id == any_(texts(ids))))
    return {row.id: feature_from_row(row) for row in rows}


async def ids_except(connection: AsyncConnection, ids: Collection[str]) -> Sequence[str]:
    """The ids of all other features, in order."""
    query = select(_TABLE.c.id).where(_TABLE.c.id != all_(texts(ids))).order_by(_TABLE.c.id)
    return (await connection.execute(query)).scalars().all()


async def add(connection: AsyncConnection, feature: Feature) -> bool:
    """Stores a new feature; False, and nothing, where the id is taken."""
    statement = insert(_TABLE).values(feature_to_row(feature)).on_conflict_do_nothing()
    return (await connection.execute(statement.returning(_TABLE.c.id))).one_or_none() is not None


async def add_all(connection: AsyncConnection, features: Sequence[Feature]) -> None:
    """Stores new features."""
    if features:
        await connection.execute(insert(_TABLE), [feature_to_row(feature) for feature in features])


async def replace_all(connection: AsyncConnection, features: Sequence[Feature]) -> None:
    """Stores what features have become."""
    if features:
        statement = update(_TABLE).where(_TABLE.c.id == bindparam("key"))
        rows = [feature_to_row(feature) | {"key": feature.id} for feature in features]
        await connection.execute(statement, rows)


async def list_page(connection: AsyncConnection, page: Page) -> Sequence[Feature]:
    """One row more than the page holds, where there are more."""
    query = select(_TABLE).order_by(_TABLE.c.id).limit(page.size + 1)
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    return [feature_from_row(row) for row in await connection.execute(query)]


def feature_to_row(feature: Feature) -> dict[str, object]:
    """The columns of a feature."""
    return {"id": feature.id, "body": feature_to_proto(feature).SerializeToString()}


def feature_from_row(row: Row[Any]) -> Feature:
    """The feature of a row."""
    return feature_from_proto(feature_pb2.Feature.FromString(row.body))
