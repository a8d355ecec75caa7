"""Invoices and subscriptions as collection sees them: what failed, what is due, what waited for too long."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, DateTime, and_, cast, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.collection import AttemptState
from billing.domain.invoice import InvoiceReason, InvoiceState
from billing.domain.subscription import SubscriptionState
from billing.store import tables

_INVOICE = tables.invoice
_ATTEMPT = tables.payment_attempt
_SUBSCRIPTION = tables.subscription
_OPEN_ATTEMPT = _ATTEMPT.c.state == AttemptState.OPEN
# Lists of one clock, or of none, are ordered by the clock as well, like the indexes: or PostgreSQL would sort all that is due.
# What is being collected is not due: one attempt follows another.
_DUE = and_(
    _INVOICE.c.state == InvoiceState.OPEN,
    _INVOICE.c.next_attempt_time.is_not(None),
    ~exists().where(_ATTEMPT.c.invoice_id == _INVOICE.c.id, _OPEN_ATTEMPT),
)
# An attempt whose invoice is still to be paid.
_WANTED = and_(_OPEN_ATTEMPT, _INVOICE.c.id == _ATTEMPT.c.invoice_id, _INVOICE.c.state == InvoiceState.OPEN)
_UNPAID = and_(_SUBSCRIPTION.c.state == SubscriptionState.PENDING_PAYMENT, _SUBSCRIPTION.c.pending_since.is_not(None))
# A change that waits for its payment: its attempt is open, and its invoice is the one that the change waits for.
_WAITS = and_(
    _OPEN_ATTEMPT,
    _INVOICE.c.id == _ATTEMPT.c.invoice_id,
    _SUBSCRIPTION.c.id == _INVOICE.c.subscription_id,
    _SUBSCRIPTION.c.pending.is_not(None),
    _SUBSCRIPTION.c.pending["invoice_id"].astext == _INVOICE.c.id,
)


async def note_failure(connection: AsyncConnection, invoice_id: str, now: datetime) -> datetime:
    """When the invoice's payment failed first; now, where it never failed before."""
    first = func.coalesce(_INVOICE.c.first_failure_time, cast(now, DateTime(timezone=True)))
    statement = update(_INVOICE).where(_INVOICE.c.id == invoice_id).values(first_failure_time=first)
    found: datetime = (await connection.execute(statement.returning(_INVOICE.c.first_failure_time))).scalar_one()
    return found


async def due_invoices(
    connection: AsyncConnection, test_clock_id: str | None, now: datetime, limit: int
) -> Sequence[str]:
    """Ids of invoices whose payment is to be tried again, the earliest first; of one clock, or of real-time customers."""
    query = select(_INVOICE.c.id).where(_of_clock(_INVOICE.c.test_clock_id, test_clock_id), _DUE)
    query = query.where(_INVOICE.c.next_attempt_time <= now)
    return (
        (
            await connection.execute(
                query.order_by(_INVOICE.c.test_clock_id, _INVOICE.c.next_attempt_time, _INVOICE.c.id).limit(limit)
            )
        )
        .scalars()
        .all()
    )


async def unpaid_subscriptions(
    connection: AsyncConnection, test_clock_id: str | None, since: datetime, limit: int
) -> Sequence[str]:
    """Ids of subscriptions that have waited for their first payment since then or longer, the longest first."""
    query = select(_SUBSCRIPTION.c.id).where(_of_clock(_SUBSCRIPTION.c.test_clock_id, test_clock_id), _UNPAID)
    query = query.where(_SUBSCRIPTION.c.pending_since <= since)
    return (
        (
            await connection.execute(
                query.order_by(_SUBSCRIPTION.c.test_clock_id, _SUBSCRIPTION.c.pending_since).limit(limit)
            )
        )
        .scalars()
        .all()
    )


async def undecided_changes(
    connection: AsyncConnection, test_clock_id: str | None, since: datetime, limit: int
) -> Sequence[str]:
    """Ids of subscriptions whose change has waited for its payment since then or longer, the longest first."""
    query = select(_SUBSCRIPTION.c.id).where(_of_clock(_ATTEMPT.c.test_clock_id, test_clock_id), _WAITS)
    query = query.where(_ATTEMPT.c.create_time <= since)
    return (await connection.execute(query.order_by(_ATTEMPT.c.create_time).limit(limit))).scalars().all()


async def invoice_of_first_payment(connection: AsyncConnection, subscription_id: str) -> str | None:
    """The invoice with which a subscription began, or None."""
    query = select(_INVOICE.c.id).where(
        _INVOICE.c.subscription_id == subscription_id, _INVOICE.c.reason == InvoiceReason.PROVISION
    )
    return (await connection.execute(query.order_by(_INVOICE.c.number).limit(1))).scalar_one_or_none()


async def open_attempts(connection: AsyncConnection, test_clock_id: str, limit: int, *, after: str) -> Sequence[str]:
    """Ids of the clock's open attempts whose invoices are still to be paid, in order, after an id."""
    query = select(_ATTEMPT.c.id).where(_ATTEMPT.c.test_clock_id == test_clock_id, _WANTED, _ATTEMPT.c.id > after)
    return (await connection.execute(query.order_by(_ATTEMPT.c.id).limit(limit))).scalars().all()


async def next_time(
    connection: AsyncConnection, test_clock_id: str, until: datetime, *, wait: timedelta
) -> datetime | None:
    """When something is due on the clock next, at the latest at `until`; what waits for a payment lapses after `wait`."""
    lapse = until - wait
    retry = select(func.min(_INVOICE.c.next_attempt_time)).where(
        _INVOICE.c.test_clock_id == test_clock_id, _DUE, _INVOICE.c.next_attempt_time <= until
    )
    first = select(func.min(_SUBSCRIPTION.c.pending_since)).where(
        _SUBSCRIPTION.c.test_clock_id == test_clock_id, _UNPAID, _SUBSCRIPTION.c.pending_since <= lapse
    )
    change = select(func.min(_ATTEMPT.c.create_time)).where(
        _ATTEMPT.c.test_clock_id == test_clock_id, _WAITS, _ATTEMPT.c.create_time <= lapse
    )
    # What the provider was not asked for with success holds the clock up.
    unasked = select(func.min(_ATTEMPT.c.create_time)).where(
        _ATTEMPT.c.test_clock_id == test_clock_id, _WANTED, _ATTEMPT.c.provider_payment_id == ""
    )
    queries = (retry, unasked, first, change)
    tried, asked, *waited = [(await connection.execute(query)).scalar_one() for query in queries]
    times = [tried, asked, *(since + wait for since in waited if since is not None)]
    return min((time for time in times if time is not None), default=None)


def _of_clock(column: ColumnElement[str], test_clock_id: str | None) -> ColumnElement[bool]:
    return column.is_(None) if test_clock_id is None else column == test_clock_id
