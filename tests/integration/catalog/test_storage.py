"""What the database itself guards, and that the migrations make the tables that the code expects."""

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.domain.add_on_content import AddOnContent
from catalog.domain.offering import OfferingSpec, create_offering, next_version, publish
from catalog.domain.plan import Completion, complete_version, publish_plan
from catalog.domain.plan_content import PlanContent, PricingType
from catalog.domain.product import ProductSpec, create_product
from catalog.store import tables
from catalog.store.add_ons import ADD_ONS
from catalog.store.plans import PLANS
from catalog.store.products import PRODUCTS
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
        "UPDATE add_on_version SET version = 2",
        "DELETE FROM add_on_version",
    ],
)
async def test_a_published_version_cannot_be_changed_even_by_hand(
    open_database: Callable[[str], Database], statement: str
) -> None:
    database = open_database("catalog")
    content = PlanContent(pricing_type=PricingType.FREE)
    version = complete_version(plan(), content, Completion({}), now=NOW)
    extra = create_offering(AddOn, OfferingSpec("extra", "product", "Extra", ""), NOW, revision=3)
    sold = next_version(AddOnVersion, extra, AddOnContent(maximum_quantity=3), {}, now=NOW)
    published = publish_plan(plan(), version, NOW, revision=2, carry=False)
    async with database.write() as connection:
        await PRODUCTS.add(connection, create_product(ProductSpec("product", "Product", ""), NOW, revision=1))
        await PLANS.add(connection, published)
        await PLANS.add_versions(connection, [version])
        await ADD_ONS.add(connection, publish(extra, sold, NOW, revision=4))
        await ADD_ONS.add_versions(connection, [sold])
    with pytest.raises(DBAPIError, match="a published version never changes"):
        async with database.write() as connection:
            await connection.execute(text(statement))
    async with database.read() as connection:
        assert await PLANS.get_version(connection, "gold", 1) == version
        assert await ADD_ONS.get_latest(connection, ["extra", "gold"]) == {"extra": sold}
