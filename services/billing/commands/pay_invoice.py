"""Asks the payment provider for an invoice's payment now."""

from billing.commands.ask_provider import AskProvider
from billing.commands.customer_time import present
from billing.commands.new_attempts import new_attempt, payment_method_missing
from billing.commands.provider_collection import GRACE
from billing.domain.collection import PaymentAttempt
from billing.domain.invoice import Invoice, InvoiceState, invoice_not_found, not_open
from billing.store import invoices, payment_attempts, revisions
from kernel.clock import Clock
from kernel.errors import TollkeeperError, precondition
from kit.db import Database


class PayInvoice:
    """Pays an open invoice beside its retry schedule; while an attempt is open, asks for that one instead of making another."""

    def __init__(self, database: Database, ask: AskProvider | None, *, provider_name: str, clock: Clock) -> None:
        self._database = database
        self._ask = ask
        self._provider_name = provider_name
        self._clock = clock

    async def __call__(self, invoice_id: str) -> tuple[Invoice, PaymentAttempt | None]:
        """The invoice after the attempt, and the attempt; None where the invoice was paid already.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_OPEN`; `PROVIDER_NOT_CONFIGURED`; `PAYMENT_METHOD_MISSING`;
                `TEST_CLOCK_ADVANCING`.
        """
        invoice, attempt = await self._begin(invoice_id)
        if attempt is None or self._ask is None:
            return invoice, None
        await self._ask.each([attempt.id])
        async with self._database.read() as connection:
            return (
                await invoices.get(connection, invoice_id) or invoice,
                await payment_attempts.get(connection, attempt.id) or attempt,
            )

    async def _begin(self, invoice_id: str) -> tuple[Invoice, PaymentAttempt | None]:
        async with self._database.write() as connection:
            found = await invoices.get(connection, invoice_id)
            if found is None:
                raise invoice_not_found(invoice_id)
            here = await present(connection, found.customer_id, clock=self._clock, lock=True)
            invoice = await invoices.get(connection, invoice_id, lock=True) or found
            if invoice.state is InvoiceState.PAID:
                return invoice, None
            if invoice.state is not InvoiceState.OPEN:
                raise not_open(invoice)
            if self._ask is None:
                raise provider_not_configured()
            running = await payment_attempts.open_of_invoice(connection, invoice_id)
            if running is not None:
                return invoice, running
            if not here.customer.payment_method_id:
                raise payment_method_missing(here.customer)
            attempt = new_attempt(
                invoice,
                here.customer,
                self._provider_name,
                scheduled=False,
                now=here.now,
                revision=await revisions.take(connection),
            )
            made = self._clock.now()
            rows = [(attempt, here.customer.test_clock_id)]
            await payment_attempts.add_all(connection, rows, made_time=made, ask_time=made + GRACE)
            return invoice, attempt


def provider_not_configured() -> TollkeeperError:
    """The refusal of what needs a payment provider."""
    message = "This installation has no payment provider. Configure one, or use what is paid outside Tollkeeper."
    return precondition("PROVIDER_NOT_CONFIGURED", message)
