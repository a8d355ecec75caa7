"""The horizon of raw events: before it the retention may have let some go, and what is stored does not tell all of the usage.

Customers on a test clock are not touched by it: the times they live in say nothing of how old their data are.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.store import customers, tables

_TABLE = tables.horizon


async def read(connection: AsyncConnection) -> int:
    """The horizon in microseconds since 1970; 0 where nothing was ever let go."""
    return (await connection.execute(select(_TABLE.c.timestamp_us))).scalar_one_or_none() or 0


async def of_customer(connection: AsyncConnection, customer_id: str) -> int:
    """The horizon of one customer's raw events: 0 on a test clock."""
    return (await of_customers(connection, [customer_id]))[customer_id]


async def of_customers(connection: AsyncConnection, customer_ids: Collection[str]) -> Mapping[str, int]:
    """The horizon of each of these customers' raw events: 0 on a test clock."""
    horizon = await read(connection)
    clocks = await customers.clock_ids(connection, customer_ids) if horizon else {}
    return {one: 0 if clocks.get(one) else horizon for one in customer_ids}


async def move(connection: AsyncConnection, timestamp_us: int) -> int:
    """Moves the horizon on, never back; gives where it is then."""
    statement = insert(_TABLE).values(id=1, timestamp_us=timestamp_us)
    later = func.greatest(_TABLE.c.timestamp_us, statement.excluded.timestamp_us)
    moved = statement.on_conflict_do_update(index_elements=[_TABLE.c.id], set_={"timestamp_us": later})
    return int((await connection.execute(moved.returning(_TABLE.c.timestamp_us))).scalar_one())
