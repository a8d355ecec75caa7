"""The horizon of raw events: before it the retention may have let some go, and what is stored does not tell all of the usage.

Customers on a test clock are not touched by it: the times they live in say nothing of how old their data are.
"""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.store import tables

_TABLE = tables.horizon
_CUSTOMER = tables.customer


async def read(connection: AsyncConnection) -> int:
    """The horizon in microseconds since 1970; 0 where nothing was ever let go."""
    return (await connection.execute(select(_TABLE.c.timestamp_us))).scalar_one_or_none() or 0


async def of_customer(connection: AsyncConnection, customer_id: str) -> int:
    """The horizon of one customer's raw events: 0 on a test clock."""
    clock = (
        await connection.execute(select(_CUSTOMER.c.test_clock_id).where(_CUSTOMER.c.id == customer_id))
    ).scalar_one_or_none()
    return 0 if clock else await read(connection)


async def move(connection: AsyncConnection, timestamp_us: int) -> int:
    """Moves the horizon on, never back; gives where it is then."""
    statement = insert(_TABLE).values(id=1, timestamp_us=timestamp_us)
    later = func.greatest(_TABLE.c.timestamp_us, statement.excluded.timestamp_us)
    moved = statement.on_conflict_do_update(index_elements=[_TABLE.c.id], set_={"timestamp_us": later})
    return int((await connection.execute(moved.returning(_TABLE.c.timestamp_us))).scalar_one())
