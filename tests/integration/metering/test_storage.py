"""What the database itself guards, and that the migrations make the tables that the code expects."""

from collections.abc import Callable

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from kit.db import Database
from metering.store import tables


async def test_the_migrations_make_the_tables(open_database: Callable[[str], Database]) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, tables.metadata))

    async with open_database("metering").engine.connect() as connection:
        found = await connection.run_sync(differences)
    assert [difference for difference in found if "alembic" not in str(difference)] == []
