"""Shows an invoice as a document."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

from billing.documents.document import Document, render
from billing.domain.invoice import Invoice, invoice_not_found
from billing.messages.invoice import invoice_to_proto
from billing.messages.rendering import Rendering
from billing.store import invoices, subscriptions
from kit.db import Database

# The dates of an invoice without a subscription.
_TIME_ZONE = "UTC"


class RenderInvoice:
    """Lays documents out beside the event loop.

    Args:
        database: Where invoices are.
        executor: One thread: the work is the interpreter's, so that more would only take turns; and a caller that has gone
            away leaves at most the document behind that was begun.
        seller: Who sends the invoices: name and address, a line each.
    """

    def __init__(self, database: Database, executor: Executor, *, seller: Sequence[str]) -> None:
        self._database = database
        self._executor = executor
        self._seller = seller

    async def __call__(self, asked: Rendering) -> Document:
        """The invoice as a document, its dates in its subscription's time zone.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `DOCUMENT_TOO_LARGE`.
        """
        invoice, time_zone = await self._read(asked.invoice_id)
        work = partial(render, invoice_to_proto(invoice), asked.format, seller=self._seller, time_zone=time_zone)
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def _read(self, invoice_id: str) -> tuple[Invoice, str]:
        async with self._database.read() as connection:
            invoice = await invoices.get(connection, invoice_id)
            if invoice is None:
                raise invoice_not_found(invoice_id)
            if invoice.subscription_id is None:
                return invoice, _TIME_ZONE
            subscription = await subscriptions.get(connection, invoice.subscription_id)
            return invoice, _TIME_ZONE if subscription is None else subscription.time_zone
