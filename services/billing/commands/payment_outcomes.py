"""Writes what became of attempts at a payment: once, whoever tells it, and however often."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.customer_time import Present, present
from billing.commands.failed_payment import payment_failed
from billing.commands.payment_consequences import Consequences
from billing.commands.plans import Plans
from billing.domain.collection import (
    AttemptState,
    CollectionTerms,
    Outcome,
    PaymentAttempt,
    Succeeded,
    next_ask_time,
    settle_attempt,
)
from billing.domain.invoice import Invoice, InvoiceState, invoice_not_found
from billing.messages.invoice import invoice_to_proto
from billing.messages.payment_attempt import attempt_to_proto
from billing.store import customers, invoices, payment_attempts, revisions
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events

log = structlog.get_logger()


class PaymentOutcomes:
    """Applies outcomes to attempts, with everything that follows, in one transaction each."""

    def __init__(
        self, database: Database, outbox: Outbox, *, clock: Clock, plans: Plans, terms: CollectionTerms
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._plans = plans
        self._terms = terms

    async def __call__(self, attempt_id: str, outcome: Outcome) -> None:
        """What the provider tells unasked; nothing happens where the attempt is not one of this installation's.

        Raises:
            TollkeeperError: `TEST_CLOCK_ADVANCING`.
        """
        await self.apply(attempt_id, outcome, asked_first=None)

    async def apply(
        self, attempt_id: str, outcome: Outcome, *, asked_first: datetime | None, at: datetime | None = None
    ) -> None:
        """What the provider answered; with `at`, the time of a test clock that is on its way, else by the customer's present.

        An attempt that stays open is asked for again; how soon depends on when it was `asked_first`, in real time.

        Raises:
            TollkeeperError: `TEST_CLOCK_ADVANCING`, without `at`.
        """
        async with self._database.write() as connection:
            found = await payment_attempts.get(connection, attempt_id)
            if found is None:
                log.info("payment_of_another_installation", attempt_id=attempt_id)
                return
            here = await self._present(connection, found.customer_id, at)
            # Payments of a customer follow one another under its lock: read what the one before left.
            attempt = await payment_attempts.get(connection, attempt_id, lock=True) or found
            if attempt.state is not AttemptState.OPEN:
                _tell_late_money(attempt, outcome)
                return
            invoice = await invoices.get(connection, attempt.invoice_id, lock=True)
            if invoice is None:
                raise invoice_not_found(attempt.invoice_id)
            wanted = invoice.state is InvoiceState.OPEN
            revision = await revisions.take(connection)
            after = settle_attempt(attempt, outcome, wanted=wanted, now=here.now, revision=revision)
            if after is not attempt:
                await payment_attempts.save(connection, after)
            if after.state is not AttemptState.OPEN:
                await self._follow(connection, here, after, invoice=invoice)
            elif asked_first is not None:
                now = self._clock.now()
                again = next_ask_time(outcome, asked_first, now)
                await payment_attempts.ask_again(connection, attempt_id, again)

    async def _present(self, connection: AsyncConnection, customer_id: str, at: datetime | None) -> Present:
        if at is None:
            return await present(connection, customer_id, clock=self._clock, lock=True)
        [customer] = await customers.get_many(connection, [customer_id], lock=True)
        return Present(customer, at)

    async def _follow(
        self, connection: AsyncConnection, here: Present, attempt: PaymentAttempt, *, invoice: Invoice
    ) -> None:
        follow = Consequences(connection, self._outbox, self._plans, here.customer, here.now)
        message = attempt_to_proto(attempt)
        log.info("payment_decided", attempt_id=attempt.id, state=attempt.state, failure_code=attempt.failure_code)
        match attempt.state:
            case AttemptState.SUCCEEDED:
                event = events.PaymentAttemptSucceeded(payment_attempt=message)
                await self._outbox.put(connection, "payment_attempt", "succeeded", id=attempt.id, event=event)
                await follow.paid(invoice, attempt.amount)
            case AttemptState.FAILED:
                goes_on = attempt.scheduled and invoice.state is InvoiceState.OPEN
                after = await payment_failed(follow, invoice, self._terms) if goes_on else invoice
                failed = events.PaymentAttemptFailed(payment_attempt=message, invoice=invoice_to_proto(after))
                await self._outbox.put(connection, "payment_attempt", "failed", id=attempt.id, event=failed)


def _tell_late_money(attempt: PaymentAttempt, outcome: Outcome) -> None:
    if isinstance(outcome, Succeeded) and attempt.state is not AttemptState.SUCCEEDED:
        # What was decided never changes: somebody must look, and give the money back at the provider.
        log.error(
            "payment_came_after_its_end",
            attempt_id=attempt.id,
            state=attempt.state,
            provider_payment_id=outcome.payment_id,
        )
