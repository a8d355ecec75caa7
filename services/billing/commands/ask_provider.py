"""Asks the payment provider about open attempts: intent, call, outcome, with no call inside a transaction.

That an attempt is asked for is committed before the call, so that whoever finds it later knows that money may have moved.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from billing.clients.payment_provider import Charge, PaymentProvider
from billing.commands.payment_outcomes import PaymentOutcomes
from billing.domain.collection import Canceled, Failed, Outcome, StillOpen, Unknown, may_repeat
from billing.domain.invoice import number_text
from billing.store import payment_attempts
from billing.store.payment_attempts import Asking
from kernel.clock import Clock
from kernel.errors import TollkeeperError
from kit.db import Database

log = structlog.get_logger()

# Longer than the longest call; after it, another worker asks for what a killed one had.
LEASE = timedelta(seconds=90)
# Calls at the same time: Stripe allows a hundred a second, in its test mode a quarter.
_CONCURRENT = 10
# The longest that a request may still be under way to the provider after its caller was killed.
_UNDER_WAY = timedelta(minutes=10)


class AskProvider:
    """Asks for attempts and writes what came of them."""

    def __init__(
        self, database: Database, provider: PaymentProvider, outcomes: PaymentOutcomes, *, real_time: Clock
    ) -> None:
        self._database = database
        self._provider = provider
        self._outcomes = outcomes
        self._clock = real_time
        self._slots = asyncio.Semaphore(_CONCURRENT)

    async def each(self, attempt_ids: Sequence[str], *, at: datetime | None = None) -> list[Outcome]:
        """Asks for each that is still open, and gives what was said; with `at`, by a test clock that is on its way.

        A fault of one holds up nothing else: it stays open and is asked for again.
        """
        asked = await asyncio.gather(*(self._one(attempt_id, at) for attempt_id in attempt_ids))
        return [outcome for outcome in asked if outcome is not None]

    async def _one(self, attempt_id: str, at: datetime | None) -> Outcome | None:
        async with self._slots:
            try:
                return await self._ask(attempt_id, at)
            except TollkeeperError as error:
                # Its test clock set out meanwhile: whoever carries the clock asks again.
                log.warning("attempt_stays_open", attempt_id=attempt_id, error=str(error))
                return Unknown()
            except Exception:
                log.exception("attempt_stays_open", attempt_id=attempt_id)
                return Unknown()

    async def _ask(self, attempt_id: str, at: datetime | None) -> Outcome | None:
        now = self._clock.now()
        async with self._database.write() as connection:
            asking = await payment_attempts.begin_asking(connection, attempt_id, now, lease=LEASE)
        if asking is None:
            return None
        outcome = await (self._pursue(asking, now) if asking.wanted else self._call_off(asking, now))
        await self._outcomes.apply(attempt_id, outcome, asked_first=asking.asked_before or now, at=at)
        return outcome

    async def _pursue(self, asking: Asking, now: datetime) -> Outcome:
        attempt, charge = asking.attempt, _charge(asking, now)
        if not attempt.payment_method_id or not attempt.provider_customer_id:
            return Failed("", "payment_method_missing", "The customer has no payment method.")
        if asking.asked_before is None:
            return await self._provider.charge(charge)
        stands = await self._provider.look_up(charge, attempt.provider_payment_id)
        repeatable = may_repeat(asking.asked_before, now)
        if isinstance(stands, StillOpen) and stands.needs_customer and not repeatable:
            return await self._provider.cancel(stands.payment_id)
        if stands is not None:
            return stands
        if not repeatable:
            return Failed("", "payment_not_found", "The provider was asked, and has no such payment.")
        return await self._provider.charge(charge)

    async def _call_off(self, asking: Asking, now: datetime) -> Outcome:
        attempt = asking.attempt
        if asking.asked_before is None or not attempt.provider_customer_id:
            return Canceled("")
        stands = await self._provider.look_up(_charge(asking, now), attempt.provider_payment_id)
        if isinstance(stands, StillOpen):
            return await self._provider.cancel(stands.payment_id)
        if stands is None:
            return Canceled("") if now - asking.asked_before > _UNDER_WAY else Unknown()
        return stands


def _charge(asking: Asking, now: datetime) -> Charge:
    attempt = asking.attempt
    return Charge(
        attempt_id=attempt.id,
        invoice_id=attempt.invoice_id,
        customer_id=attempt.customer_id,
        provider_customer_id=attempt.provider_customer_id,
        payment_method_id=attempt.payment_method_id,
        amount=attempt.amount,
        description=number_text(asking.number),
        first_ask_time=asking.asked_before or now,
    )
