"""Attempts at a payment in the store, and when the provider is asked for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.collection import AttemptState, PaymentAttempt
from billing.domain.invoice import InvoiceState
from billing.domain.test_clock import ClockState
from billing.store import tables
from kernel.money import Money, currency
from kit.paging import Page

_TABLE = tables.payment_attempt
_INVOICE = tables.invoice
_CLOCK = tables.test_clock
_OPEN = _TABLE.c.state == AttemptState.OPEN


@dataclass(frozen=True, slots=True)
class Asking:
    """An open attempt that is about to be asked for.

    Attributes:
        number: Of its invoice.
        wanted: Whether its invoice is still to be paid.
        asked_before: When the provider was first asked, in real time; None: never.
    """

    attempt: PaymentAttempt
    number: int
    wanted: bool
    asked_before: datetime | None


async def add_all(
    connection: AsyncConnection,
    attempts: Sequence[tuple[PaymentAttempt, str | None]],
    *,
    made_time: datetime,
    ask_time: datetime,
) -> None:
    """Stores new attempts, each with its customer's test clock; the times are real ones."""
    times = {"made_time": made_time, "first_ask_time": None, "ask_time": ask_time}
    rows = [attempt_to_row(attempt) | times | {"test_clock_id": clock_id} for attempt, clock_id in attempts]
    await connection.execute(insert(_TABLE), rows)


async def get(connection: AsyncConnection, attempt_id: str, *, lock: bool = False) -> PaymentAttempt | None:
    """The attempt, or None; with `lock` nobody else changes it until the transaction's end."""
    query = select(_TABLE).where(_TABLE.c.id == attempt_id)
    row = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else attempt_from_row(row)


async def open_of_invoice(connection: AsyncConnection, invoice_id: str) -> PaymentAttempt | None:
    """The attempt that collects the invoice now, or None; there is one at most."""
    row = (await connection.execute(select(_TABLE).where(_TABLE.c.invoice_id == invoice_id, _OPEN))).one_or_none()
    return None if row is None else attempt_from_row(row)


async def save(connection: AsyncConnection, attempt: PaymentAttempt) -> None:
    """Stores a changed attempt."""
    await connection.execute(update(_TABLE).where(_TABLE.c.id == attempt.id).values(attempt_to_row(attempt)))


async def begin_asking(
    connection: AsyncConnection, attempt_id: str, now: datetime, *, lease: timedelta
) -> Asking | None:
    """Notes that the provider is asked, before it is; None where the attempt is open no more. `now` is real time."""
    query = (
        select(_TABLE, _INVOICE.c.number.label("number"), _INVOICE.c.state.label("invoice_state"))
        .join(_INVOICE, _INVOICE.c.id == _TABLE.c.invoice_id)
        .where(_TABLE.c.id == attempt_id, _OPEN)
        .with_for_update(key_share=True, of=_TABLE)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    first = row.first_ask_time or now
    asked = update(_TABLE).where(_TABLE.c.id == attempt_id).values(first_ask_time=first, ask_time=now + lease)
    await connection.execute(asked)
    wanted = row.invoice_state == InvoiceState.OPEN
    return Asking(attempt_from_row(row), row.number, wanted=wanted, asked_before=row.first_ask_time)


async def ask_again(connection: AsyncConnection, attempt_id: str, time: datetime) -> None:
    """Notes when, in real time, the provider is asked again for an attempt that is still open."""
    await connection.execute(update(_TABLE).where(_TABLE.c.id == attempt_id, _OPEN).values(ask_time=time))


async def lease_due(connection: AsyncConnection, now: datetime, *, lease: timedelta, limit: int) -> Sequence[str]:
    """Takes open attempts whose time to be asked for has come, but not of clocks on their way; gives their ids."""
    moving = exists().where(_CLOCK.c.id == _TABLE.c.test_clock_id, _CLOCK.c.state == ClockState.ADVANCING)
    due = (
        select(_TABLE.c.id)
        .where(_OPEN, _TABLE.c.ask_time <= now, ~moving)
        .order_by(_TABLE.c.ask_time, _TABLE.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=_TABLE)
    )
    ids = (await connection.execute(due)).scalars().all()
    if ids:
        await connection.execute(update(_TABLE).where(_TABLE.c.id.in_(ids)).values(ask_time=now + lease))
    return ids


async def list_page(connection: AsyncConnection, page: Page, invoice_id: str) -> list[PaymentAttempt]:
    """One attempt more than the page holds, where there are more; the oldest first."""
    query = select(_TABLE).where(_TABLE.c.invoice_id == invoice_id).order_by(_TABLE.c.id).limit(page.size + 1)
    if page.after:
        query = query.where(_TABLE.c.id > page.after[0])
    return [attempt_from_row(row) for row in await connection.execute(query)]


def attempt_to_row(attempt: PaymentAttempt) -> dict[str, object]:
    """The columns of an attempt, but for those that tell when the provider is asked."""
    return {
        "id": attempt.id,
        "invoice_id": attempt.invoice_id,
        "customer_id": attempt.customer_id,
        "provider": attempt.provider,
        "provider_customer_id": attempt.provider_customer_id,
        "payment_method_id": attempt.payment_method_id,
        "provider_payment_id": attempt.provider_payment_id,
        "state": attempt.state,
        "currency": attempt.amount.currency.code,
        "amount": attempt.amount.amount,
        "failure_code": attempt.failure_code,
        "failure_message": attempt.failure_message,
        "scheduled": attempt.scheduled,
        "create_time": attempt.create_time,
        "end_time": attempt.end_time,
        "revision": attempt.revision,
    }


def attempt_from_row(row: Row[Any]) -> PaymentAttempt:
    """The attempt of a row."""
    return PaymentAttempt(
        id=row.id,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        provider=row.provider,
        provider_customer_id=row.provider_customer_id,
        payment_method_id=row.payment_method_id,
        amount=Money(row.amount, currency(row.currency)),
        scheduled=row.scheduled,
        create_time=row.create_time,
        revision=row.revision,
        state=AttemptState(row.state),
        provider_payment_id=row.provider_payment_id,
        failure_code=row.failure_code,
        failure_message=row.failure_message,
        end_time=row.end_time,
    )
