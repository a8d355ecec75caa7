"""Subscriptions in the store."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.customer import Subscription
from entitlements.store import tables
from entitlements.store.upsert import upsert_if_newer
from kernel.period import BillingPeriod
from kernel.quantity import format_decimal

_TABLE = tables.subscription

# Subscriptions of one customer that are held at a time: far above one per product and resource; the newest are kept.
MAX_HELD = 1_000


async def put(connection: AsyncConnection, subscription: Subscription) -> bool:
    """Stores the subscription if it is newer; whether it was."""
    return await upsert_if_newer(connection, _TABLE, subscription_to_row(subscription))


async def get(connection: AsyncConnection, subscription_id: str) -> Subscription | None:
    """The subscription, or None where it is not known."""
    row = (await connection.execute(select(_TABLE).where(_TABLE.c.id == subscription_id))).one_or_none()
    return None if row is None else subscription_from_row(row)


async def read_open(connection: AsyncConnection, customer_ids: Sequence[str]) -> Mapping[str, Sequence[Subscription]]:
    """The subscriptions of each customer that have not ended, oldest first.

    One whose end is scheduled is among them: only the customer's own clock says whether it has come.
    """
    query = select(_TABLE).where(_TABLE.c.customer_id.in_(customer_ids), _is_open())
    found: dict[str, list[Subscription]] = defaultdict(list)
    for row in await connection.execute(query.order_by(_TABLE.c.start_time, _TABLE.c.id)):
        found[row.customer_id].append(subscription_from_row(row))
    return {customer_id: subscriptions[-MAX_HELD:] for customer_id, subscriptions in found.items()}


async def read_revisions(connection: AsyncConnection, customer_ids: Sequence[str]) -> Mapping[str, int]:
    """The greatest revision of each customer's subscriptions, the ended ones too."""
    query = select(_TABLE.c.customer_id, func.max(_TABLE.c.revision).label("revision")).where(
        _TABLE.c.customer_id.in_(customer_ids)
    )
    rows = await connection.execute(query.group_by(_TABLE.c.customer_id))
    return {row.customer_id: row.revision for row in rows}


def _is_open() -> ColumnElement[bool]:
    # A subscription has ended by its customer's clock only. A test clock may stand here before the end that its advance has
    # already written.
    customers, clocks = tables.customer, tables.test_clock
    clock = (
        select(clocks.c.time)
        .select_from(customers.join(clocks, clocks.c.id == customers.c.test_clock_id))
        .where(customers.c.id == _TABLE.c.customer_id)
        .scalar_subquery()
    )
    return or_(_TABLE.c.end_time.is_(None), _TABLE.c.end_time > func.coalesce(clock, func.now()))


def subscription_to_row(subscription: Subscription) -> dict[str, object]:
    """The columns of a subscription."""
    return {
        "id": subscription.id,
        "customer_id": subscription.customer_id,
        "plan_id": subscription.plan_id,
        "plan_version": subscription.plan_version,
        "billing_period": subscription.billing_period.value,
        "time_zone": subscription.time_zone,
        "start_time": subscription.start_time,
        "cancel_time": subscription.cancel_time,
        "end_time": subscription.end_time,
        "commitments": {feature: format_decimal(value) for feature, value in subscription.commitments.items()},
        "create_time": subscription.create_time,
        "revision": subscription.revision,
    }


def subscription_from_row(row: Row[Any]) -> Subscription:
    """The subscription of a row."""
    return Subscription(
        id=row.id,
        customer_id=row.customer_id,
        plan_id=row.plan_id,
        plan_version=row.plan_version,
        billing_period=BillingPeriod(row.billing_period),
        time_zone=row.time_zone,
        start_time=row.start_time,
        cancel_time=row.cancel_time,
        end_time=row.end_time,
        commitments={feature: Decimal(value) for feature, value in row.commitments.items()},
        create_time=row.create_time,
        revision=row.revision,
    )
