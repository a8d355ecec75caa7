"""Drafts an invoice by hand."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands import once
from billing.commands.customer_time import present
from billing.domain.manual_invoice import draft
from billing.messages.invoice import invoice_to_proto
from billing.messages.manual_invoice import Writing
from billing.messages.request_key import RequestKey
from billing.store import invoices, revisions
from kernel.clock import Clock
from kernel.ids import new_id
from kernel.money import currency
from kit.db import Database
from tollkeeper.billing.v1.invoice_service_pb2 import CreateInvoiceResponse as Response


class CreateInvoice:
    """Stores a draft. It is nobody's business yet, so that no event tells of it."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def __call__(self, writing: Writing, key: RequestKey | None) -> Response:
        """The draft.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`; `TEST_CLOCK_ADVANCING`; `REQUEST_ID_REUSED`.
        """
        return await once.run(self._database, key, Response, partial(self._write, writing))

    async def _write(self, writing: Writing, connection: AsyncConnection) -> Response:
        here = await present(connection, writing.customer_id, clock=self._clock, lock=True)
        made = draft(
            here.customer,
            writing.lines,
            writing.currency or currency(here.customer.currency),
            id=new_id("inv"),
            now=here.now,
            revision=await revisions.take(connection),
        )
        await invoices.add_all(connection, [made], {here.customer.id: here.customer.test_clock_id})
        return Response(invoice=invoice_to_proto(made))
