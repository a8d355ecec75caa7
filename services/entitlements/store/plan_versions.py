"""Published plan versions in the store: the catalog's message as it is, fetched once and kept for ever."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.plan import PlanVersion
from entitlements.domain.subscription import PlanKey
from entitlements.messages.plan import plan_version_from_proto
from entitlements.store import tables
from tollkeeper.catalog.v1 import plan_pb2

_TABLE = tables.plan_version


async def put(connection: AsyncConnection, message: plan_pb2.PlanVersion) -> None:
    """Stores the catalog's message of a version, unless it is there."""
    row = {"plan_id": message.plan_id, "version": message.version, "payload": message.SerializeToString()}
    await connection.execute(insert(_TABLE).values(row).on_conflict_do_nothing())


async def is_stored(connection: AsyncConnection, key: PlanKey) -> bool:
    """Whether the version is known."""
    query = select(_TABLE.c.version).where(tuple_(_TABLE.c.plan_id, _TABLE.c.version) == tuple_(*key))
    return (await connection.execute(query)).first() is not None


async def read(connection: AsyncConnection, keys: Iterable[PlanKey]) -> Mapping[PlanKey, PlanVersion]:
    """These versions, by (plan id, version), as far as they are known."""
    query = select(_TABLE).where(tuple_(_TABLE.c.plan_id, _TABLE.c.version).in_(list(keys)))
    return {
        (row.plan_id, row.version): plan_version_from_proto(plan_pb2.PlanVersion.FromString(row.payload))
        for row in await connection.execute(query)
    }
