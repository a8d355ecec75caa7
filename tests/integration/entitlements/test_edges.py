"""The edges: malformed requests of every kind, and migrations that make what the code believes."""

from typing import Any

import grpc
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from entitlements.store.tables import metadata
from kernel.errors import TollkeeperError
from kit.client import call
from kit.errors import RemoteRefusal
from tests.conftest import MakeDatabase
from tests.integration.entitlements.conftest import DatabaseAway
from tests.integration.entitlements.world import World
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb


def test_the_migrations_make_the_tables(make_database: MakeDatabase) -> None:
    engine = create_engine(make_database("entitlements"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


WRONG_ENFORCEMENT: Any = 9

MALFORMED: list[tuple[str, Any, list[str]]] = [
    ("CheckEntitlement", pb.CheckEntitlementRequest(), ["customer_id", "feature_id"]),
    (
        "CheckEntitlement",
        pb.CheckEntitlementRequest(customer_id="c", feature_id="f", requested_usage="1e999999"),
        ["requested_usage"],
    ),
    ("CheckEntitlement", pb.CheckEntitlementRequest(customer_id="a\0", feature_id="b"), ["customer_id"]),
    (
        "CheckEntitlement",
        pb.CheckEntitlementRequest(customer_id="c", feature_id="f", requested_values=["x"] * 50_000),
        ["requested_values"],
    ),
    ("CheckEntitlement", pb.CheckEntitlementRequest(customer_id="x" * 100_000, feature_id="b"), ["customer_id"]),
    ("ListEntitlements", pb.ListEntitlementsRequest(), ["customer_id"]),
    ("ReportUsage", pb.ReportUsageRequest(), ["customer_id", "feature_id", "value", "idempotency_key"]),
    (
        "ReportUsage",
        pb.ReportUsageRequest(
            customer_id="c",
            feature_id="f",
            value="NaN",
            idempotency_key="\N{PILE OF POO}" * 257,
            enforcement=WRONG_ENFORCEMENT,
        ),
        ["enforcement", "value", "idempotency_key"],
    ),
]


async def test_malformed_requests_name_every_field(world: World) -> None:
    for method, request, paths in MALFORMED:
        with pytest.raises(RemoteRefusal) as refused:
            await call(getattr(world.api, method), request)
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.reason == "INVALID_FIELD"
        assert sorted(violation.path for violation in refused.value.violations) == sorted(paths)
    assert world.metering.gate.calls.total() + world.billing.gate.calls.total() == 0


async def test_a_token_that_nobody_returned_is_refused_by_name(world: World) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await world.check("united", "gates", tokens=["tk1_forged"])
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_TOKEN")


async def test_without_the_database_what_is_held_goes_on(world: World, database_away: DatabaseAway) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    assert (await world.report("united", "gates", "1", enforce=True, tokens=[token])).written
    async with database_away():
        assert (await world.report("united", "gates", "1", enforce=True)).written
        assert (await world.check("united", "gates")).usage == "2"
        with pytest.raises(TollkeeperError) as refused:
            await world.check("stranger", "gates")
        assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"
        assert await world.why("united", "gates") == "WITHIN_LIMIT"
    # What happened meanwhile is known after the return, without any token.
    await world.commit("sub-united", {"gates": "9"})

    async def is_known() -> bool:
        return (await world.check("united", "gates")).limit == "9"

    await world.eventually(is_known)


async def test_a_list_of_an_unknown_customer_is_an_error_and_of_one_without_access_is_empty(world: World) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await world.list_all("united")
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND")
    await world.customer("united", announced=False)
    assert await world.list_all("united") == []
