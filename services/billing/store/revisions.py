"""Revisions: one sequence for the whole of billing."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.store import tables


async def take(connection: AsyncConnection) -> int:
    """A revision greater than every one before; taken under the lock of what changes, so that its revisions only grow."""
    return int((await connection.execute(select(tables.revision.next_value()))).scalar_one())


async def take_many(connection: AsyncConnection, count: int) -> list[int]:
    """As many revisions, ascending."""
    numbers = func.generate_series(1, count).table_valued("n")
    rows = await connection.execute(select(tables.revision.next_value()).select_from(numbers))
    return sorted(rows.scalars())
