"""What the database itself guards, and that the migrations make the tables that the code expects."""

import asyncio
from collections.abc import Callable, Sequence

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from kit.db import Database
from metering.domain.feature import Feature, UsageSource
from metering.domain.series import Series
from metering.store import events, features, series, tables
from metering.store.events import EventLines
from metering.store.line import Line
from tests.conftest import MakeDatabase


async def test_the_migrations_make_the_tables(open_database: Callable[[str], Database]) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, tables.metadata))

    async with open_database("metering").engine.connect() as connection:
        found = await connection.run_sync(differences)
    assert [difference for difference in found if "alembic" not in str(difference)] == []


async def test_the_same_keys_in_opposite_orders_do_not_wait_in_a_circle(make_database: MakeDatabase) -> None:
    """Deadlocks would be run again unnoticed; here nobody does, so that one fails the test."""
    url = make_database("metering")
    lines = [Line(url, on_connect=events.STAGING) for _ in range(2)]

    async def let_in(line: Line, keys: list[str]) -> int:
        taken = EventLines(keys, [0] * len(keys), [])
        async with line.transaction() as connection:
            return len(await events.let_in(connection, taken, events.first_rows(taken)))

    for number in range(5):
        keys = [f"customer-{n % 7}\t{number}-{n}" for n in range(2_000)]
        new = await asyncio.gather(let_in(lines[0], keys), let_in(lines[1], keys[::-1]))
        assert sum(new) == 2_000
    for line in lines:
        await line.close()


async def test_the_same_series_in_opposite_orders_do_not_wait_in_a_circle(
    open_database: Callable[[str], Database],
) -> None:
    database = open_database("metering")
    async with database.write() as connection:
        await features.put(connection, Feature("gates", UsageSource.CALCULATED, None, 1))
    lines = [Line(database.url) for _ in range(2)]

    async def lock(line: Line, wanted: Sequence[Series]) -> None:
        async with line.transaction() as connection:
            await series.ensure(connection, wanted)
            assert list(await series.lock(connection, wanted)) == sorted(wanted)

    for number in range(5):
        wanted = [Series(f"customer-{n}", "", "gates") for n in range(number * 500, number * 500 + 1_000)]
        await asyncio.gather(lock(lines[0], wanted), lock(lines[1], wanted[::-1]))
    for line in lines:
        await line.close()
