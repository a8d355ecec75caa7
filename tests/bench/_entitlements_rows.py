"""Customers of entitlements in bulk: one that came as customers come, and copies of its rows."""

from datetime import timedelta

import psycopg

from tests.integration.entitlements.plans import BILLED, MONTHLY, limited
from tests.integration.entitlements.world import World
from tollkeeper.catalog.v1 import entitlement_pb2
from tollkeeper.catalog.v1.plan_pb2 import PlanContent

PLAN = "five"
FEATURES = ("calls", "miles", "gates", "night-flights", "airports")

_TEMPLATE = "template"

_NUMBERS = "generate_series(%(first)s::integer, %(last)s::integer) n"
_COPIES = (
    f"""
    INSERT INTO customer SELECT 'customer-' || n, '', revision, true FROM customer, {_NUMBERS} WHERE id = %(template)s
    """,
    f"""
    INSERT INTO customer_change
    SELECT 'customer-' || n, revision, given FROM customer_change, {_NUMBERS} WHERE customer_id = %(template)s
    """,
    f"""
    INSERT INTO subscription (id, customer_id, time_zone, start_time, access_start, terms, seen_time, revision)
    SELECT 'sub-customer-' || n, 'customer-' || n, time_zone, start_time, access_start, terms, seen_time, revision
    FROM subscription, {_NUMBERS} WHERE customer_id = %(template)s
    """,
)


async def sell(world: World) -> None:
    """A plan of five features: three are metered, with different periods; and one customer that holds it."""
    world.plan(
        PLAN,
        PlanContent(
            entitlements=[
                limited("calls", "10", reset=MONTHLY),
                limited("miles", "100", soft=True, reset=BILLED),
                limited("gates", "3"),
                entitlement_pb2.Entitlement(feature_id="night-flights", boolean=entitlement_pb2.BooleanEntitlement()),
                entitlement_pb2.Entitlement(
                    feature_id="airports", enum=entitlement_pb2.EnumEntitlement(values=["JFK", "EWR"])
                ),
            ]
        ),
    )
    await world.customer(_TEMPLATE, announced=False)
    await world.subscribe(_TEMPLATE, PLAN, start=world.clock.now() - timedelta(days=3), announced=False)
    assert await world.why(_TEMPLATE, "calls") == "WITHIN_LIMIT"


def store_customers(url: str, first: int, last: int) -> None:
    """Stores the customers of these numbers, both inclusive, as the template is stored."""
    named = {"first": first, "last": last, "template": _TEMPLATE}
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in _COPIES:
            connection.execute(statement, named)
        connection.execute("ANALYZE")
