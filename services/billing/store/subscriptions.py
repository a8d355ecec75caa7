"""Subscriptions in the store."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.commitment import Commitment
from billing.domain.plan_terms import Offer
from billing.domain.subscription import Subscription, SubscriptionState
from billing.store import tables
from kernel.period import BillingPeriod, Period
from kernel.quantity import format_decimal
from kit.paging import Page

_TABLE = tables.subscription
_ACTIVE = _TABLE.c.state == SubscriptionState.ACTIVE


async def get(connection: AsyncConnection, subscription_id: str, *, lock: bool = False) -> Subscription | None:
    """The subscription, or None; with `lock` nobody else changes it until the transaction's end."""
    found = await get_many(connection, [subscription_id], lock=lock)
    return found[0] if found else None


async def get_many(
    connection: AsyncConnection, subscription_ids: Sequence[str], *, lock: bool = False
) -> list[Subscription]:
    """Those of the subscriptions that exist, in the order of their ids, which is also the order of the locks."""
    query = select(_TABLE).where(_TABLE.c.id.in_(subscription_ids)).order_by(_TABLE.c.id)
    rows = await connection.execute(query.with_for_update(key_share=True) if lock else query)
    return [subscription_from_row(row) for row in rows]


async def live_of_product(connection: AsyncConnection, customer_id: str, product_id: str) -> Subscription | None:
    """The customer's live subscription to the product, or None."""
    query = select(_TABLE).where(_TABLE.c.customer_id == customer_id, _TABLE.c.product_id == product_id, _ACTIVE)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else subscription_from_row(row)


async def add(connection: AsyncConnection, subscription: Subscription) -> bool:
    """Stores a new subscription; False, and nothing is stored, where the id is taken."""
    statement = (
        insert(_TABLE)
        .values(subscription_to_row(subscription))
        .on_conflict_do_nothing(index_elements=[_TABLE.c.id])
        .returning(_TABLE.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def save_all(connection: AsyncConnection, subscriptions: Sequence[Subscription]) -> None:
    """Stores changed subscriptions and ends their leases."""
    changing = (
        "state",
        "period_number",
        "period_start",
        "period_end",
        "commitments",
        "cancel_time",
        "end_time",
        "revision",
    )
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == bindparam("the_id"))
        .values({name: bindparam(f"the_{name}") for name in changing} | {"lease_time": None})
    )
    rows = [subscription_to_row(subscription) for subscription in subscriptions]
    await connection.execute(statement, [{f"the_{name}": row[name] for name in ("id", *changing)} for row in rows])


async def next_boundary(connection: AsyncConnection, test_clock_id: str, until: datetime) -> datetime | None:
    """When the next periods of the clock's subscriptions end, at the latest at `until`; None where none does."""
    query = select(func.min(_TABLE.c.period_end)).where(_of_clock(test_clock_id), _TABLE.c.period_end <= until)
    found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


async def due_at(connection: AsyncConnection, test_clock_id: str, boundary: datetime, limit: int) -> Sequence[str]:
    """Ids of the clock's subscriptions whose periods end at the boundary or ended before it, the earliest first."""
    query = (
        select(_TABLE.c.id)
        .where(_of_clock(test_clock_id), _TABLE.c.period_end <= boundary)
        .order_by(_TABLE.c.period_end, _TABLE.c.id)
        .limit(limit)
    )
    return (await connection.execute(query)).scalars().all()


async def lease_due(connection: AsyncConnection, now: datetime, *, lease: timedelta, limit: int) -> Sequence[str]:
    """Takes due subscriptions of real-time customers that nobody else has taken, the earliest first; gives their ids."""
    due = (
        select(_TABLE.c.id)
        .where(
            _TABLE.c.test_clock_id.is_(None),
            _ACTIVE,
            _TABLE.c.period_end <= now,
            or_(_TABLE.c.lease_time.is_(None), _TABLE.c.lease_time < now),
        )
        .order_by(_TABLE.c.period_end, _TABLE.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    ids = (await connection.execute(due)).scalars().all()
    if ids:
        await connection.execute(update(_TABLE).where(_TABLE.c.id.in_(ids)).values(lease_time=now + lease))
    return ids


async def end_lease(connection: AsyncConnection, subscription_ids: Sequence[str]) -> None:
    """Gives taken subscriptions back."""
    # In the order in which everybody locks them, or two would wait for one another.
    await get_many(connection, subscription_ids, lock=True)
    await connection.execute(update(_TABLE).where(_TABLE.c.id.in_(subscription_ids)).values(lease_time=None))


async def changed_since(
    connection: AsyncConnection, test_clock_id: str, revision: int, limit: int
) -> list[tuple[str, int]]:
    """Ids and revisions of the clock's subscriptions that changed after the revision, at most so many."""
    query = (
        select(_TABLE.c.id, _TABLE.c.revision)
        .where(_TABLE.c.test_clock_id == test_clock_id, _TABLE.c.revision > revision)
        .order_by(_TABLE.c.revision)
        .limit(limit)
    )
    return [(row.id, row.revision) for row in await connection.execute(query)]


async def list_page(connection: AsyncConnection, page: Page, customer_id: str) -> list[Subscription]:
    """One row more than the page holds, where there are more; of one customer, or of all where none is named."""
    query = select(_TABLE).order_by(_TABLE.c.id).limit(page.size + 1)
    if customer_id:
        query = query.where(_TABLE.c.customer_id == customer_id)
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    return [subscription_from_row(row) for row in await connection.execute(query)]


def _of_clock(test_clock_id: str) -> ColumnElement[bool]:
    return and_(_TABLE.c.test_clock_id == test_clock_id, _ACTIVE)


def subscription_to_row(subscription: Subscription) -> dict[str, object]:
    """The columns of a subscription, without its lease."""
    return {
        "id": subscription.id,
        "customer_id": subscription.customer_id,
        "product_id": subscription.product_id,
        "plan_id": subscription.plan_id,
        "plan_version": subscription.plan_version,
        "test_clock_id": subscription.test_clock_id,
        "state": subscription.state,
        "billing_period": subscription.offer.billing_period,
        "currency": subscription.offer.currency,
        "time_zone": subscription.time_zone,
        "start_time": subscription.start_time,
        "period_number": subscription.period_number,
        "period_start": subscription.period.start,
        "period_end": subscription.period.end,
        "commitments": {one.feature_id: format_decimal(one.quantity) for one in subscription.commitments},
        "cancel_time": subscription.cancel_time,
        "end_time": subscription.end_time,
        "revision": subscription.revision,
        "create_time": subscription.create_time,
    }


def subscription_from_row(row: Row[Any]) -> Subscription:
    """The subscription of a row."""
    commitments = [Commitment(feature_id, Decimal(quantity)) for feature_id, quantity in row.commitments.items()]
    return Subscription(
        id=row.id,
        customer_id=row.customer_id,
        product_id=row.product_id,
        plan_id=row.plan_id,
        plan_version=row.plan_version,
        test_clock_id=row.test_clock_id,
        state=SubscriptionState(row.state),
        offer=Offer(BillingPeriod(row.billing_period), row.currency),
        time_zone=row.time_zone,
        start_time=row.start_time,
        period_number=row.period_number,
        period=Period(row.period_start, row.period_end),
        commitments=tuple(sorted(commitments, key=lambda one: one.feature_id)),
        cancel_time=row.cancel_time,
        end_time=row.end_time,
        revision=row.revision,
        create_time=row.create_time,
    )
