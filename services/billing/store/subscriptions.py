"""Subscriptions in the store."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.holding import Holding
from billing.domain.subscription import Subscription, SubscriptionState
from billing.store import tables
from billing.store.bulk import among, update_all
from billing.store.holdings import holding_from_json
from billing.store.subscription_rows import subscription_from_row, subscription_to_row
from kit.paging import Page

_TABLE = tables.subscription
_LIVE = _TABLE.c.end_time.is_(None)
# What never changes once it is provisioned, besides its id.
FIXED = (
    "customer_id",
    "product_id",
    "resource_id",
    "test_clock_id",
    "currency",
    "country",
    "time_zone",
    "create_time",
)
CHANGING = tuple(column.name for column in _TABLE.c if column.name not in {"id", *FIXED, "lease_time"})


async def get(connection: AsyncConnection, subscription_id: str, *, lock: bool = False) -> Subscription | None:
    """The subscription, or None; with `lock` nobody else changes it until the transaction's end."""
    found = await get_many(connection, [subscription_id], lock=lock)
    return found[0] if found else None


async def get_many(
    connection: AsyncConnection, subscription_ids: Sequence[str], *, lock: bool = False
) -> list[Subscription]:
    """Those of the subscriptions that exist, in the order of their ids, which is also the order of the locks."""
    query = select(_TABLE).where(among(_TABLE.c.id, subscription_ids)).order_by(_TABLE.c.id)
    rows = await connection.execute(query.with_for_update(key_share=True) if lock else query)
    return [subscription_from_row(row._mapping) for row in rows]  # noqa: SLF001 - the documented way to a row's columns.


async def lock_unchanged(connection: AsyncConnection, known: Mapping[str, int]) -> frozenset[str]:
    """Locks subscriptions, in the order of their ids; those that still have the revision by which they are known."""
    query = select(_TABLE.c.id, _TABLE.c.revision).where(among(_TABLE.c.id, known)).order_by(_TABLE.c.id)
    rows = await connection.execute(query.with_for_update(key_share=True))
    return frozenset(row.id for row in rows if row.revision == known[row.id])


async def live_of_product(
    connection: AsyncConnection, customer_id: str, product_id: str, resource_id: str
) -> Subscription | None:
    """The customer's live subscription to the product, and resource, or None."""
    query = select(_TABLE).where(
        _TABLE.c.customer_id == customer_id,
        _TABLE.c.product_id == product_id,
        _TABLE.c.resource_id == resource_id,
        _LIVE,
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else subscription_from_row(row._mapping)  # noqa: SLF001 - as above.


async def had_trial(connection: AsyncConnection, customer_id: str, product_id: str) -> bool:
    """Whether a subscription of the customer to the product has or had a trial, or will have; not where it ended before its start."""
    query = select(_TABLE.c.id).where(
        _TABLE.c.customer_id == customer_id,
        _TABLE.c.product_id == product_id,
        _TABLE.c.trial_end.is_not(None),
        or_(_LIVE, _TABLE.c.end_time >= _TABLE.c.start_time),
    )
    return (await connection.execute(query.limit(1))).one_or_none() is not None


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
    rows = [subscription_to_row(subscription) | {"lease_time": None} for subscription in subscriptions]
    await update_all(connection, _TABLE, rows, columns=(*CHANGING, "lease_time"))


async def next_boundary(connection: AsyncConnection, test_clock_id: str, until: datetime) -> datetime | None:
    """When something happens to the clock's subscriptions next, at the latest at `until`; None where nothing does."""
    query = select(func.min(_TABLE.c.boundary_time)).where(_of_clock(test_clock_id), _TABLE.c.boundary_time <= until)
    found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


async def due_at(connection: AsyncConnection, test_clock_id: str, boundary: datetime, limit: int) -> Sequence[str]:
    """Ids of the clock's subscriptions to which something happens at the boundary or happened before it, the earliest first."""
    query = (
        select(_TABLE.c.id)
        .where(_of_clock(test_clock_id), _TABLE.c.boundary_time <= boundary)
        .order_by(_TABLE.c.boundary_time, _TABLE.c.id)
        .limit(limit)
    )
    return (await connection.execute(query)).scalars().all()


async def lease_due(connection: AsyncConnection, now: datetime, *, lease: timedelta, limit: int) -> Sequence[str]:
    """Takes due subscriptions of real-time customers that nobody else has taken, the earliest first; gives their ids."""
    due = (
        select(_TABLE.c.id)
        .where(
            _TABLE.c.test_clock_id.is_(None),
            _TABLE.c.boundary_time <= now,
            or_(_TABLE.c.lease_time.is_(None), _TABLE.c.lease_time < now),
        )
        # As the index has them, or PostgreSQL would sort all that are due.
        .order_by(_TABLE.c.test_clock_id, _TABLE.c.boundary_time, _TABLE.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    ids = (await connection.execute(due)).scalars().all()
    if ids:
        await connection.execute(update(_TABLE).where(among(_TABLE.c.id, ids)).values(lease_time=now + lease))
    return ids


async def end_lease(connection: AsyncConnection, subscription_ids: Sequence[str]) -> None:
    """Gives taken subscriptions back."""
    # In the order in which everybody locks them, or two would wait for one another.
    await get_many(connection, subscription_ids, lock=True)
    await connection.execute(update(_TABLE).where(among(_TABLE.c.id, subscription_ids)).values(lease_time=None))


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


async def list_page(
    connection: AsyncConnection, page: Page, *, customer_id: str, plan_id: str, states: Sequence[SubscriptionState]
) -> list[Subscription]:
    """One row more than the page holds, where there are more; filters that are empty let all pass."""
    query = select(_TABLE).order_by(_TABLE.c.id).limit(page.size + 1)
    if customer_id:
        query = query.where(_TABLE.c.customer_id == customer_id)
    if plan_id:
        query = query.where(_TABLE.c.plan_id == plan_id)
    if states:
        query = query.where(_TABLE.c.state.in_(states))
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    rows = await connection.execute(query)
    return [subscription_from_row(row._mapping) for row in rows]  # noqa: SLF001 - as above.


async def live_of_plan(connection: AsyncConnection, plan_id: str, *, after: str, limit: int) -> Sequence[str]:
    """Ids of live subscriptions of the plan, in order, after an id."""
    query = select(_TABLE.c.id).where(_TABLE.c.plan_id == plan_id, _LIVE, _TABLE.c.id > after)
    return (await connection.execute(query.order_by(_TABLE.c.id).limit(limit))).scalars().all()


async def groups_of_plan(connection: AsyncConnection, plan_id: str) -> list[tuple[Holding, str, str, int]]:
    """What the plan's live subscriptions hold, with currency and country, and how many hold the same."""
    alike = [_TABLE.c[name] for name in ("plan_id", "plan_version", "billing_period", "commitments", "add_ons")]
    sold = [_TABLE.c.currency, _TABLE.c.country]
    query = select(*alike, *sold, func.count().label("number")).where(_TABLE.c.plan_id == plan_id, _LIVE)
    rows = await connection.execute(query.group_by(*alike, *sold))
    return [
        (holding_from_json(row._mapping), row.currency, row.country, row.number)  # noqa: SLF001 - as above.
        for row in rows
    ]


def _of_clock(test_clock_id: str) -> ColumnElement[bool]:
    return and_(_TABLE.c.test_clock_id == test_clock_id, _TABLE.c.boundary_time.is_not(None))
