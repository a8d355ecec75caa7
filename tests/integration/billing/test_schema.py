"""The migrations make exactly the tables that the code speaks of, and the constraints that hold the money together."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from billing.store.tables import metadata
from tests.conftest import MakeDatabase


def test_the_migrations_make_the_tables_of_the_code(make_database: MakeDatabase) -> None:
    engine = create_engine(make_database("billing"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("INSERT INTO document_counter (kind, last) VALUES ('INVOICE', 0)", "document_counter_pkey"),
        (
            "INSERT INTO credit_balance (customer_id, currency, amount) VALUES ('UA', 'USD', -1)",
            "credit_is_never_negative",
        ),
    ],
)
async def test_what_the_database_itself_refuses(make_database: MakeDatabase, statement: str, constraint: str) -> None:
    def insert() -> None:
        engine = create_engine(make_database("billing"))
        try:
            with engine.begin() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()

    with pytest.raises(IntegrityError, match=constraint):
        await asyncio.to_thread(insert)
