"""Features that were taken from customers, in the store."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.promotional_grant import Revocation
from entitlements.store import tables

_TABLE = tables.revocation


async def list_all(connection: AsyncConnection, customer_id: str) -> Sequence[Revocation]:
    """What is revoked of the customer, in the order of feature ids; their number is bounded."""
    query = select(_TABLE).where(_TABLE.c.customer_id == customer_id).order_by(_TABLE.c.feature_id)
    return [
        Revocation(row.customer_id, row.feature_id, row.reason, row.create_time, row.revision)
        for row in await connection.execute(query)
    ]


async def read(connection: AsyncConnection, customer_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
    """The features revoked of each of these customers; those of whom nothing is are left out."""
    found: dict[str, set[str]] = defaultdict(set)
    query = select(_TABLE.c.customer_id, _TABLE.c.feature_id).where(_TABLE.c.customer_id.in_(customer_ids))
    for row in await connection.execute(query):
        found[row.customer_id].add(row.feature_id)
    return {customer_id: frozenset(feature_ids) for customer_id, feature_ids in found.items()}


async def add(connection: AsyncConnection, revocation: Revocation) -> None:
    """Stores a revocation of a feature that is not revoked."""
    row = {
        "customer_id": revocation.customer_id,
        "feature_id": revocation.feature_id,
        "reason": revocation.reason,
        "create_time": revocation.create_time,
        "revision": revocation.revision,
    }
    await connection.execute(insert(_TABLE).values(row))


async def remove(connection: AsyncConnection, customer_id: str, feature_id: str) -> bool:
    """Gives the feature back; whether it was revoked."""
    query = delete(_TABLE).where(_TABLE.c.customer_id == customer_id, _TABLE.c.feature_id == feature_id)
    return (await connection.execute(query.returning(_TABLE.c.feature_id))).first() is not None
