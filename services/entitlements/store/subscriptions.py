"""Subscriptions in the store."""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.domain.subscription import Scheduled, Subscription, Terms
from entitlements.store import tables
from entitlements.store.upsert import upsert_if_newer
from kernel.period import BillingPeriod, utc
from kernel.quantity import format_decimal

_TABLE = tables.subscription

# What most subscriptions hold beside their plan.
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
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
    """The subscriptions of each customer that give access and have not ended, oldest first.

    One whose end is scheduled is among them: only the customer's own clock says whether it has come.
    """
    found: dict[str, list[Subscription]] = defaultdict(list)
    for row in await connection.execute(_OPEN_OF, {"customer_ids": customer_ids}):
        found[row.customer_id].append(subscription_from_row(row))
    return {customer_id: subscriptions[-MAX_HELD:] for customer_id, subscriptions in found.items()}


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
    lives = or_(_TABLE.c.end_time.is_(None), _TABLE.c.end_time > func.coalesce(clock, func.now()))
    return and_(_TABLE.c.access_start.is_not(None), lives)


# Made once: to put it together costs as much as to run it.
_OPEN_OF: Final = (
    select(_TABLE)
    .where(_TABLE.c.customer_id.in_(bindparam("customer_ids", expanding=True)), _is_open())
    .order_by(_TABLE.c.start_time, _TABLE.c.id)
)


def subscription_to_row(subscription: Subscription) -> dict[str, object]:
    """The columns of a subscription."""
    scheduled = subscription.scheduled
    return {
        "id": subscription.id,
        "customer_id": subscription.customer_id,
        "time_zone": subscription.time_zone,
        "start_time": subscription.start_time,
        "access_start": subscription.access_start,
        "access_end": subscription.access_end,
        "end_time": subscription.end_time,
        "terms": terms_to_row(subscription.terms),
        "scheduled_time": None if scheduled is None else scheduled.time,
        "scheduled_terms": None if scheduled is None else terms_to_row(scheduled.terms),
        "seen_time": subscription.seen_time,
        "revision": subscription.revision,
    }


def subscription_from_row(row: Row[Any]) -> Subscription:
    """The subscription of a row."""
    scheduled, start = row.scheduled_terms, row.start_time
    return Subscription(
        id=row.id,
        # The same few texts and times stand in memory again and again.
        customer_id=sys.intern(row.customer_id),
        time_zone=sys.intern(row.time_zone),
        start_time=start,
        access_start=start if row.access_start == start else row.access_start,
        access_end=row.access_end,
        end_time=row.end_time,
        terms=terms_from_row(row.terms, start),
        scheduled=None if scheduled is None else Scheduled(row.scheduled_time, terms_from_row(scheduled, start)),
        seen_time=start if row.seen_time == start else row.seen_time,
        revision=row.revision,
    )


def terms_to_row(terms: Terms) -> dict[str, object]:
    """Terms as JSON."""
    return {
        "plan_id": terms.plan_id,
        "plan_version": terms.plan_version,
        "billing_period": terms.billing_period.value,
        "anchor_time": terms.anchor_time.isoformat(),
        "commitments": {feature_id: format_decimal(value) for feature_id, value in terms.commitments.items()},
        "add_ons": dict(terms.add_ons),
    }


def terms_from_row(row: Mapping[str, Any], start: datetime) -> Terms:
    """The terms of the JSON, of a subscription that began then."""
    anchor = utc(datetime.fromisoformat(row["anchor_time"]))
    return Terms(
        plan_id=sys.intern(row["plan_id"]),
        plan_version=row["plan_version"],
        billing_period=BillingPeriod(row["billing_period"]),
        anchor_time=start if anchor == start else anchor,
        commitments={feature_id: Decimal(value) for feature_id, value in row["commitments"].items()} or _NOTHING,
        add_ons=row["add_ons"] or _NOTHING,
    )
