"""Collecting by a payment provider: the intent is written with the charge, the provider asked after its commit."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.ask_provider import AskProvider
from billing.commands.collect_due import CollectDue
from billing.commands.new_attempts import new_attempt, payment_method_missing
from billing.domain.collection import Unknown
from billing.domain.customer import Customer
from billing.domain.invoice import Invoice, InvoiceState
from billing.store import collectible, payment_attempts, revisions, test_clocks
from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError

# A worker asks for what whoever began it has not asked for by then, because it died or left it to the worker.
GRACE = timedelta(seconds=5)
# Attempts of a clock asked for at a time.
_BATCH = 100


class ProviderCollection:
    """Collects the invoices of customers that pay automatically."""

    def __init__(self, provider_name: str, *, ask: AskProvider, due: CollectDue, real_time: Clock) -> None:
        self._provider_name = provider_name
        self._ask = ask
        self._due = due
        self._clock = real_time

    def check(self, customer: Customer) -> None:
        """Refuses to charge a customer that pays automatically and cannot.

        Raises:
            TollkeeperError: `PAYMENT_METHOD_MISSING`.
        """
        if customer.automatic and not customer.payment_method_id:
            raise payment_method_missing(customer)

    async def begin(
        self, connection: AsyncConnection, invoices: Sequence[tuple[Customer, Invoice]], *, now: datetime
    ) -> tuple[str, ...]:
        """Notes that the open invoices of customers that pay automatically are to be collected; the ids of the attempts."""
        payable = [
            (customer, invoice)
            for customer, invoice in invoices
            if customer.automatic and invoice.state is InvoiceState.OPEN
        ]
        if not payable:
            return ()
        taken = await revisions.take_many(connection, len(payable))
        attempts = [
            (
                new_attempt(invoice, customer, self._provider_name, scheduled=True, now=now, revision=revision),
                customer.test_clock_id,
            )
            for (customer, invoice), revision in zip(payable, taken, strict=True)
        ]
        made = self._clock.now()
        await payment_attempts.add_all(connection, attempts, made_time=made, ask_time=made + GRACE)
        return tuple(attempt.id for attempt, _ in attempts)

    async def ask(self, attempt_ids: Sequence[str]) -> None:
        """Asks for the attempts' money and writes what came of it; what stays open the worker asks for."""
        await self._ask.each(attempt_ids)

    async def run_boundary(self, test_clock_id: str, boundary: datetime) -> None:
        """Does what is due on the clock at the boundary: retries, open attempts, payments that never came.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE` while the provider gives no answer.
        """
        async with self._due.database.read() as connection:
            clock = await test_clocks.get(connection, test_clock_id)
        at = boundary if clock is None else max(boundary, clock.time)
        await self._due.begin_retries(test_clock_id, at)
        await self._ask_all(test_clock_id, at)
        await self._due.let_lapse(test_clock_id, at)

    async def _ask_all(self, test_clock_id: str, at: datetime) -> None:
        after = ""
        while True:
            async with self._due.database.read() as connection:
                ids = await collectible.open_attempts(connection, test_clock_id, _BATCH, after=after)
            if not ids:
                return
            outcomes = await self._ask.each(ids, at=at)
            if any(isinstance(outcome, Unknown) for outcome in outcomes):
                message = "The payment provider cannot be reached. The test clock goes on by itself when it is back."
                raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message)
            after = ids[-1]

    async def next_boundary(self, connection: AsyncConnection, test_clock_id: str, until: datetime) -> datetime | None:
        """When something is due on the clock next, at the latest at `until`; None where nothing is."""
        wait = self._due.terms.first_payment_limit
        return await collectible.next_time(connection, test_clock_id, until, wait=wait)
