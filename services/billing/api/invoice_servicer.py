"""``InvoiceService``."""

from billing import queries
from billing.api.pages import fitting
from billing.commands.mark_invoice_paid import MarkInvoicePaid
from billing.messages.invoice import invoice_to_proto
from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.db import Database
from kit.paging import next_token, page_of
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
        mistakes = Mistakes()
        filters = {"customer_id": request.customer_id, "subscription_id": request.subscription_id}
        for path, value in filters.items():
            if value:
                mistakes.attempt(check_id, value, path)
        mistakes.check()
        page = page_of(request.page_size, request.page_token, filters=list(filters.values()))
        found = await queries.list_invoices(self._database, page, **filters)
        shown = fitting([invoice_to_proto(one) for one in found], page.size)
        response = pb.ListInvoicesResponse(invoices=shown)
        if len(found) > len(shown):
            response.next_page_token = next_token(page, [str(found[len(shown) - 1].number)])
        return response

    async def MarkInvoicePaid(
        self, request: pb.MarkInvoicePaidRequest, _context: Context
    ) -> pb.MarkInvoicePaidResponse:
        invoice = await self._mark_paid(check_id(request.invoice_id, "invoice_id"))
        return pb.MarkInvoicePaidResponse(invoice=invoice_to_proto(invoice))
