"""Test clocks in the store."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.test_clock import ClockState, TestClock
from billing.store import tables
from kit.paging import Page

_TABLE = tables.test_clock
_COLUMNS = [column for column in _TABLE.c if column.name != "advance_revision"]


async def get(connection: AsyncConnection, clock_id: str, *, lock: bool = False) -> TestClock | None:
    """The clock, or None; with `lock` nobody else changes it, or anything of its customers, until the transaction's end."""
    query = select(*_COLUMNS).where(_TABLE.c.id == clock_id)
    row = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else clock_from_row(row)


async def hold(connection: AsyncConnection, clock_id: str) -> TestClock | None:
    """The clock, or None; it does not move until the transaction's end, and others may hold it, too."""
    query = select(*_COLUMNS).where(_TABLE.c.id == clock_id).with_for_update(read=True)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else clock_from_row(row)


async def add(connection: AsyncConnection, clock: TestClock) -> bool:
    """Stores a new clock; False, and nothing is stored, where the id is taken."""
    values = clock_to_row(clock) | {"advance_revision": clock.revision}
    statement = insert(_TABLE).values(values).on_conflict_do_nothing().returning(_TABLE.c.id)
    return (await connection.execute(statement)).one_or_none() is not None


async def save(connection: AsyncConnection, clock: TestClock) -> None:
    """Stores a changed clock."""
    await connection.execute(update(_TABLE).where(_TABLE.c.id == clock.id).values(clock_to_row(clock)))


async def begin_advance(connection: AsyncConnection, clock: TestClock) -> None:
    """Stores a clock that begins to be advanced, and remembers its revision as where the advance began."""
    values = clock_to_row(clock) | {"advance_revision": clock.revision}
    await connection.execute(update(_TABLE).where(_TABLE.c.id == clock.id).values(values))


async def advance_revision(connection: AsyncConnection, clock_id: str) -> int:
    """The revision at which the clock's last advance began."""
    query = select(_TABLE.c.advance_revision).where(_TABLE.c.id == clock_id)
    return int((await connection.execute(query)).scalar_one())


async def advancing(connection: AsyncConnection, limit: int) -> Sequence[str]:
    """The ids of clocks on their way, at most so many."""
    query = select(_TABLE.c.id).where(_TABLE.c.state == ClockState.ADVANCING).order_by(_TABLE.c.id).limit(limit)
    return (await connection.execute(query)).scalars().all()


async def list_page(connection: AsyncConnection, page: Page) -> Sequence[TestClock]:
    """One row more than the page holds, where there are more."""
    query = select(*_COLUMNS).order_by(_TABLE.c.id).limit(page.size + 1)
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    return [clock_from_row(row) for row in await connection.execute(query)]


def clock_to_row(clock: TestClock) -> dict[str, object]:
    """The columns of a clock."""
    return {
        "id": clock.id,
        "display_name": clock.display_name,
        "initial_time": clock.initial_time,
        "time": clock.time,
        "state": clock.state,
        "target_time": clock.target_time,
        "revision": clock.revision,
    }


def clock_from_row(row: Row[Any]) -> TestClock:
    """The clock of a row."""
    columns = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's columns.
    return TestClock(**columns | {"state": ClockState(row.state)})
