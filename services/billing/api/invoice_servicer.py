"""``InvoiceService``."""

from dataclasses import dataclass

from billing import queries
from billing.api.pages import page_asked
from billing.commands.create_invoice import CreateInvoice
from billing.commands.edit_draft import EditDraft
from billing.commands.end_invoice import EndInvoice
from billing.commands.finalize_invoice import FinalizeInvoice
from billing.commands.issue_credit_note import IssueCreditNote
from billing.commands.pay_invoice import PayInvoice
from billing.commands.render_invoice import RenderInvoice
from billing.domain.invoice import Invoice
from billing.messages.credit_note import correction_from_proto, credit_note_to_proto
from billing.messages.invoice import invoice_to_proto
from billing.messages.invoice_filters import invoice_filters_from_proto
from billing.messages.manual_invoice import rewriting_from_proto, writing_from_proto
from billing.messages.payment_attempt import attempt_to_proto
from billing.messages.rendering import rendering_from_proto
from kernel.ids import check_id
from kit.db import Database
from kit.paging import page_of_messages
from kit.rpc import Context
from tollkeeper.billing.v1 import invoice_service_pb2 as pb
from tollkeeper.billing.v1 import invoice_service_pb2_grpc as grpc_api


@dataclass(frozen=True, slots=True)
class InvoiceCommands:
    """What can be done with invoices."""

    end: EndInvoice
    pay: PayInvoice
    create: CreateInvoice
    edit: EditDraft
    finalize: FinalizeInvoice
    correct: IssueCreditNote
    render: RenderInvoice


class InvoiceServicer(grpc_api.InvoiceServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, commands: InvoiceCommands) -> None:
        self._database = database
        self._commands = commands

    async def GetInvoice(self, request: pb.GetInvoiceRequest, _context: Context) -> pb.GetInvoiceResponse:
        invoice = await queries.get_invoice(self._database, check_id(request.invoice_id, "invoice_id"))
        return pb.GetInvoiceResponse(invoice=invoice_to_proto(invoice))

    async def ListInvoices(self, request: pb.ListInvoicesRequest, _context: Context) -> pb.ListInvoicesResponse:
        filters = {"customer_id": request.customer_id, "subscription_id": request.subscription_id}
        asked = invoice_filters_from_proto(request)
        more = [*asked.states, str(asked.finalized_from), str(asked.finalized_before)]
        page = page_asked(request, "invoices", filters, more=more)
        found = await queries.list_invoices(self._database, page, asked)
        invoices, token = page_of_messages(found, page, convert=invoice_to_proto, key=_place)
        return pb.ListInvoicesResponse(invoices=invoices, next_page_token=token)

    async def CreateInvoice(self, request: pb.CreateInvoiceRequest, _context: Context) -> pb.CreateInvoiceResponse:
        writing, key = writing_from_proto(request)
        return await self._commands.create(writing, key)

    async def UpdateInvoice(self, request: pb.UpdateInvoiceRequest, _context: Context) -> pb.UpdateInvoiceResponse:
        invoice_id, lines = rewriting_from_proto(request)
        invoice = await self._commands.edit.replace_lines(invoice_id, lines)
        return pb.UpdateInvoiceResponse(invoice=invoice_to_proto(invoice))

    async def DeleteInvoice(self, request: pb.DeleteInvoiceRequest, _context: Context) -> pb.DeleteInvoiceResponse:
        await self._commands.edit.remove(check_id(request.invoice_id, "invoice_id"))
        return pb.DeleteInvoiceResponse()

    async def FinalizeInvoice(
        self, request: pb.FinalizeInvoiceRequest, _context: Context
    ) -> pb.FinalizeInvoiceResponse:
        invoice = await self._commands.finalize(check_id(request.invoice_id, "invoice_id"))
        return pb.FinalizeInvoiceResponse(invoice=invoice_to_proto(invoice))

    async def RenderInvoice(self, request: pb.RenderInvoiceRequest, _context: Context) -> pb.RenderInvoiceResponse:
        document = await self._commands.render(rendering_from_proto(request))
        return pb.RenderInvoiceResponse(
            content=document.content, media_type=document.media_type, filename=document.filename
        )

    async def IssueCreditNote(
        self, request: pb.IssueCreditNoteRequest, _context: Context
    ) -> pb.IssueCreditNoteResponse:
        asked, key = correction_from_proto(request)
        if request.validate_only:
            return await self._commands.correct.preview(asked)
        return await self._commands.correct(asked, key)

    async def ListCreditNotes(
        self, request: pb.ListCreditNotesRequest, _context: Context
    ) -> pb.ListCreditNotesResponse:
        filters = {"customer_id": request.customer_id, "invoice_id": request.invoice_id}
        page = page_asked(request, "credit_notes", filters)
        found = await queries.list_credit_notes(self._database, page, **filters)
        notes, token = page_of_messages(found, page, convert=credit_note_to_proto, key=lambda note: (str(note.number),))
        return pb.ListCreditNotesResponse(credit_notes=notes, next_page_token=token)

    async def MarkInvoicePaid(
        self, request: pb.MarkInvoicePaidRequest, _context: Context
    ) -> pb.MarkInvoicePaidResponse:
        invoice = await self._commands.end.mark_paid(check_id(request.invoice_id, "invoice_id"))
        return pb.MarkInvoicePaidResponse(invoice=invoice_to_proto(invoice))

    async def VoidInvoice(self, request: pb.VoidInvoiceRequest, _context: Context) -> pb.VoidInvoiceResponse:
        invoice = await self._commands.end.void(check_id(request.invoice_id, "invoice_id"))
        return pb.VoidInvoiceResponse(invoice=invoice_to_proto(invoice))

    async def MarkInvoiceUncollectible(
        self, request: pb.MarkInvoiceUncollectibleRequest, _context: Context
    ) -> pb.MarkInvoiceUncollectibleResponse:
        invoice = await self._commands.end.mark_uncollectible(check_id(request.invoice_id, "invoice_id"))
        return pb.MarkInvoiceUncollectibleResponse(invoice=invoice_to_proto(invoice))

    async def PayInvoice(self, request: pb.PayInvoiceRequest, _context: Context) -> pb.PayInvoiceResponse:
        invoice, attempt = await self._commands.pay(check_id(request.invoice_id, "invoice_id"))
        shown = None if attempt is None else attempt_to_proto(attempt)
        return pb.PayInvoiceResponse(invoice=invoice_to_proto(invoice), payment_attempt=shown)

    async def ListPaymentAttempts(
        self, request: pb.ListPaymentAttemptsRequest, _context: Context
    ) -> pb.ListPaymentAttemptsResponse:
        invoice_id = check_id(request.invoice_id, "invoice_id")
        page = page_asked(request, "payment_attempts", {"invoice_id": invoice_id})
        found = await queries.list_payment_attempts(self._database, page, invoice_id)
        attempts, token = page_of_messages(found, page, convert=attempt_to_proto, key=lambda attempt: (attempt.id,))
        return pb.ListPaymentAttemptsResponse(payment_attempts=attempts, next_page_token=token)


def _place(invoice: Invoice) -> tuple[str]:
    """What the next page begins after: the number, or a draft's id."""
    return (invoice.id if invoice.number is None else str(invoice.number),)
