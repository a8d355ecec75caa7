"""What the database itself guards, and that the migrations make the tables that the code expects."""

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from catalog.domain.plan import publish
from catalog.domain.plan_content import PlanContent, PricingType
from catalog.domain.product import ProductSpec, create_product
from catalog.store import plan_versions, plans, products, tables
from kit.db import Database
from tests.unit.catalog.samples import NOW, plan


async def test_the_migrations_make_the_tables(open_database: Callable[[str], Database]) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, tables.metadata))

    database = open_database("catalog")
    async with database.engine.connect() as connection:
        assert [
            difference for difference in await connection.run_sync(differences) if "alembic" not in str(difference)
        ] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE plan_version SET body = ''",
        "UPDATE plan_version SET version = 2",
        "DELETE FROM plan_version",
        "TRUNCATE plan_version",
    ],
)
async def test_a_published_version_cannot_be_changed_even_by_hand(
    open_database: Callable[[str], Database], statement: str
) -> None:
    database = open_database("catalog")
    published, version = publish(plan(), PlanContent(PricingType.FREE), {}, now=NOW, revision=2)
    async with database.write() as connection:
        await products.add(connection, create_product(ProductSpec("product", "Product", ""), NOW, revision=1))
        await plans.add(connection, published)
        await plan_versions.add_all(connection, [version])
    with pytest.raises(DBAPIError, match="a published plan version never changes"):
        async with database.write() as connection:
            await connection.execute(text(statement))
    async with database.read() as connection:
        assert await plan_versions.get(connection, "gold", 1) == version
