"""``InvoiceService``."""

from billing import queries
from billing.api.pages import page_asked
from billing.commands.mark_invoice_paid import MarkInvoicePaid
from billing.domain.invoice import Invoice
from billing.messages.invoice import invoice_to_proto
from billing.messages.invoice_filters import invoice_filters_from_proto
from kernel.ids import check_id
from kit.db import Database
from kit.paging import page_of_messages
from kit.rpc import Context
from tollkeeper.billing.v1 import invoice_service_pb2 as pb
from tollkeeper.billing.v1 import invoice_service_pb2_grpc as grpc_api


class InvoiceServicer(grpc_api.InvoiceServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, *, mark_paid: MarkInvoicePaid) -> None:
        self._database = database
        self._mark_paid = mark_paid

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
        invoice = await self._mark_paid(check_id(request.invoice_id, "invoice_id"))
        return pb.MarkInvoicePaidResponse(invoice=invoice_to_proto(invoice))


def _place(invoice: Invoice) -> tuple[str]:
    """What the next page begins after: the number, or a draft's id."""
    return (invoice.id if invoice.number is None else str(invoice.number),)
