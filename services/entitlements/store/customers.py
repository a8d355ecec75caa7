"""Customers and test clocks in the store."""

import sys
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.customer import Customer, TestClock
from entitlements.store import tables
from entitlements.store.upsert import upsert_if_newer

_CUSTOMER = tables.customer
_CLOCK = tables.test_clock


async def put(connection: AsyncConnection, customer: Customer, *, complete: bool) -> bool:
    """Stores the customer if it is newer; whether anything changed. Once all its subscriptions are known, they stay known."""
    row = {"id": customer.id, "test_clock_id": customer.test_clock_id, "revision": customer.revision}
    new = insert(_CUSTOMER).values(**row, complete=complete)
    newer = new.excluded.revision > _CUSTOMER.c.revision
    upsert = new.on_conflict_do_update(
        index_elements=[_CUSTOMER.c.id],
        set_={
            "revision": func.greatest(new.excluded.revision, _CUSTOMER.c.revision),
            "complete": new.excluded.complete | _CUSTOMER.c.complete,
        },
        where=newer | (new.excluded.complete & ~_CUSTOMER.c.complete),
    )
    return (await connection.execute(upsert.returning(_CUSTOMER.c.id))).first() is not None


async def doubt(connection: AsyncConnection, customer_id: str) -> None:
    """Notes that not all subscriptions of the customer are known: its next load asks the owner for them."""
    await connection.execute(update(_CUSTOMER).where(_CUSTOMER.c.id == customer_id).values(complete=False))


async def read(connection: AsyncConnection, customer_ids: Sequence[str]) -> Mapping[str, tuple[Customer, bool]]:
    """The customers that are known, each with whether all its subscriptions are."""
    rows = await connection.execute(select(_CUSTOMER).where(_CUSTOMER.c.id.in_(customer_ids)))
    return {
        row.id: (Customer(sys.intern(row.id), sys.intern(row.test_clock_id), row.revision), row.complete)
        for row in rows
    }


async def put_clock(connection: AsyncConnection, clock: TestClock) -> bool:
    """Stores the test clock if it is newer; whether it was."""
    row = {"id": clock.id, "time": clock.time, "revision": clock.revision}
    return await upsert_if_newer(connection, _CLOCK, row)


async def read_clocks(connection: AsyncConnection, clock_ids: Sequence[str]) -> Mapping[str, TestClock]:
    """The test clocks that are known."""
    rows = await connection.execute(select(_CLOCK).where(_CLOCK.c.id.in_(clock_ids)))
    return {row.id: TestClock(row.id, row.time, row.revision) for row in rows}
