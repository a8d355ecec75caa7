"""Edits a draft, or throws it away."""

from collections.abc import Sequence

from billing.commands.load_invoice import load_invoice
from billing.domain.invoice import Invoice
from billing.domain.manual_invoice import ManualLine, check_draft, with_lines
from billing.store import drafts, revisions
from kernel.clock import Clock
from kit.db import Database


class EditDraft:
    """What may be done with an invoice only while it is a draft."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def replace_lines(self, invoice_id: str, lines: Sequence[ManualLine]) -> Invoice:
        """The draft with these lines instead of its own; equal ones change nothing.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_DRAFT`; `TEST_CLOCK_ADVANCING`.
        """
        async with self._database.write() as connection:
            loaded = await load_invoice(connection, invoice_id, clock=self._clock, lock=True)
            after = with_lines(loaded.invoice, lines, revision=await revisions.take(connection))
            if after is not loaded.invoice:
                await drafts.save_lines(connection, after)
            return after

    async def remove(self, invoice_id: str) -> None:
        """Throws the draft away.

        Raises:
            TollkeeperError: `INVOICE_NOT_FOUND`; `INVOICE_NOT_DRAFT`; `TEST_CLOCK_ADVANCING`.
        """
        async with self._database.write() as connection:
            loaded = await load_invoice(connection, invoice_id, clock=self._clock, lock=True)
            check_draft(loaded.invoice)
            await drafts.remove(connection, invoice_id)
