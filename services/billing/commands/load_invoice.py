"""The invoice of a command, with its customer and their present."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.customer_time import present
from billing.domain.customer import Customer
from billing.domain.invoice import Invoice, invoice_not_found
from billing.store import invoices
from kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class LoadedInvoice:
    """An invoice, whose it is, and what time it is for it."""

    invoice: Invoice
    customer: Customer
    now: datetime


async def load_invoice(connection: AsyncConnection, invoice_id: str, *, clock: Clock, lock: bool) -> LoadedInvoice:
    """The invoice; with `lock` it, its customer and their clock stay until the transaction's end.

    Raises:
        TollkeeperError: `INVOICE_NOT_FOUND`; `TEST_CLOCK_ADVANCING`.
    """
    invoice = await invoices.get(connection, invoice_id)
    if invoice is None:
        raise invoice_not_found(invoice_id)
    here = await present(connection, invoice.customer_id, clock=clock, lock=lock)
    if lock:
        # What befalls a customer's invoices follows one another under its lock: read what the one before left.
        invoice = await invoices.get(connection, invoice_id, lock=True)
        if invoice is None:
            raise invoice_not_found(invoice_id)
    return LoadedInvoice(invoice, here.customer, here.now)
