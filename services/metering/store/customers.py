"""Customers and their clocks in the store."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.domain.customer import Customer, TestClock
from metering.store import tables

_CUSTOMER = tables.customer
_CLOCK = tables.test_clock


async def put(connection: AsyncConnection, customer: Customer) -> None:
    """Stores the customer unless a newer revision is there."""
    statement = insert(_CUSTOMER).values(
        id=customer.id, test_clock_id=customer.test_clock_id, revision=customer.revision
    )
    newer = statement.on_conflict_do_update(
        index_elements=[_CUSTOMER.c.id],
        set_={"test_clock_id": statement.excluded.test_clock_id, "revision": statement.excluded.revision},
        where=statement.excluded.revision > _CUSTOMER.c.revision,
    )
    await connection.execute(newer)


async def put_clock(connection: AsyncConnection, clock: TestClock) -> None:
    """Stores the clock unless a newer revision is there."""
    statement = insert(_CLOCK).values(id=clock.id, time=clock.time, revision=clock.revision)
    newer = statement.on_conflict_do_update(
        index_elements=[_CLOCK.c.id],
        set_={"time": statement.excluded.time, "revision": statement.excluded.revision},
        where=statement.excluded.revision > _CLOCK.c.revision,
    )
    await connection.execute(newer)


async def clock_ids(connection: AsyncConnection, customer_ids: Collection[str]) -> Mapping[str, str]:
    """The clock of each of these customers that is known; empty for real time."""
    query = select(_CUSTOMER.c.id, _CUSTOMER.c.test_clock_id).where(_CUSTOMER.c.id.in_(customer_ids))
    return {row.id: row.test_clock_id for row in await connection.execute(query)}


async def clocks(connection: AsyncConnection, test_clock_ids: Collection[str]) -> Mapping[str, TestClock]:
    """Those of these clocks that are known."""
    rows = await connection.execute(select(_CLOCK).where(_CLOCK.c.id.in_(test_clock_ids)))
    return {row.id: TestClock(row.id, row.time, row.revision) for row in rows}
