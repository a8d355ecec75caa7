"""Invoices, put together."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

from billing.api.invoice_servicer import InvoiceCommands, InvoiceServicer
from billing.collection_wiring import CollectionParts
from billing.commands.create_invoice import CreateInvoice
from billing.commands.edit_draft import EditDraft
from billing.commands.finalize_invoice import FinalizeInvoice
from billing.commands.issue_credit_note import IssueCreditNote
from billing.commands.plans import Plans
from billing.commands.render_invoice import RenderInvoice
from billing.documents.sheet import seller_lines
from billing.settings import BillingSettings
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox


def wire_invoices(
    settings: BillingSettings,
    database: Database,
    outbox: Outbox,
    *,
    plans: Plans,
    clock: Clock,
    collecting: CollectionParts,
    resources: AsyncExitStack,
) -> InvoiceServicer:
    """Builds the servicer; what must be closed goes on the stack."""
    typesetter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="typesetter")
    resources.callback(partial(typesetter.shutdown, wait=False, cancel_futures=True))
    collection = collecting.collecting
    commands = InvoiceCommands(
        end=collecting.end,
        pay=collecting.pay,
        create=CreateInvoice(database, clock=clock),
        edit=EditDraft(database, clock=clock),
        finalize=FinalizeInvoice(database, outbox, clock=clock, collection=collection),
        correct=IssueCreditNote(database, outbox, clock=clock, plans=plans),
        render=RenderInvoice(database, typesetter, seller=seller_lines(settings.seller)),
    )
    return InvoiceServicer(database, commands)
