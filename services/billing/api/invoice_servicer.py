"""``InvoiceService``."""

from billing import queries
from billing.api.pages import page_asked
from billing.commands.end_invoice import EndInvoice
from billing.commands.pay_invoice import PayInvoice
from billing.domain.invoice import Invoice
from billing.messages.invoice import invoice_to_proto
from billing.messages.invoice_filters import invoice_filters_from_proto
from billing.messages.payment_attempt import attempt_to_proto
from kernel.ids import check_id
from kit.db import Database
from kit.paging import page_of_messages
from kit.rpc import Context
from tollkeeper.billing.v1 import invoice_service_pb2 as pb
from tollkeeper.billing.v1 import invoice_service_pb2_grpc as grpc_api


class InvoiceServicer(grpc_api.InvoiceServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, *, end: EndInvoice, pay: PayInvoice) -> None:
        self._database = database
        self._end = end
        self._pay = pay

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

    async def MarkInvoicePaid(
        self, request: pb.MarkInvoicePaidRequest, _context: Context
    ) -> pb.MarkInvoicePaidResponse:
        invoice = await self._end.mark_paid(check_id(request.invoice_id, "invoice_id"))
        return pb.MarkInvoicePaidResponse(invoice=invoice_to_proto(invoice))

    async def VoidInvoice(self, request: pb.VoidInvoiceRequest, _context: Context) -> pb.VoidInvoiceResponse:
        invoice = await self._end.void(check_id(request.invoice_id, "invoice_id"))
        return pb.VoidInvoiceResponse(invoice=invoice_to_proto(invoice))

    async def MarkInvoiceUncollectible(
        self, request: pb.MarkInvoiceUncollectibleRequest, _context: Context
    ) -> pb.MarkInvoiceUncollectibleResponse:
        invoice = await self._end.mark_uncollectible(check_id(request.invoice_id, "invoice_id"))
        return pb.MarkInvoiceUncollectibleResponse(invoice=invoice_to_proto(invoice))

    async def PayInvoice(self, request: pb.PayInvoiceRequest, _context: Context) -> pb.PayInvoiceResponse:
        invoice, attempt = await self._pay(check_id(request.invoice_id, "invoice_id"))
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
