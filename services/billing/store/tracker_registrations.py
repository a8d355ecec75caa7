"""Subscriptions whose trackers metering has not confirmed yet."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.store import tables

_TABLE = tables.tracker_registration


async def add(connection: AsyncConnection, subscription_id: str) -> None:
    """Notes that the subscription's trackers must be registered."""
    await connection.execute(insert(_TABLE).values(subscription_id=subscription_id).on_conflict_do_nothing())


async def some(connection: AsyncConnection, limit: int) -> Sequence[str]:
    """Ids of subscriptions that wait, at most so many."""
    query = select(_TABLE.c.subscription_id).order_by(_TABLE.c.subscription_id).limit(limit)
    return (await connection.execute(query)).scalars().all()


async def settle(connection: AsyncConnection, subscription_ids: Sequence[str]) -> None:
    """Forgets those that metering has confirmed."""
    await connection.execute(delete(_TABLE).where(_TABLE.c.subscription_id.in_(subscription_ids)))
