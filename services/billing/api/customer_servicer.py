"""``CustomerService``."""

from billing import queries
from billing.api.pages import page_asked
from billing.commands.attach_payment_method import AttachPaymentMethod
from billing.commands.create_customer import CreateCustomer
from billing.commands.grant_credit import GrantCredit
from billing.commands.tokens import customer_token
from billing.commands.update_customer import UpdateCustomer
from billing.messages.credit_grant import grant_from_proto
from billing.messages.customer import credit_entry_to_proto, customer_spec_from_proto, customer_to_proto
from kernel.ids import check_id
from kit.db import Database
from kit.paging import page_of_messages
from kit.rpc import Context
from tollkeeper.billing.v1 import customer_service_pb2 as pb
from tollkeeper.billing.v1 import customer_service_pb2_grpc as grpc_api


class CustomerServicer(grpc_api.CustomerServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self,
        database: Database,
        *,
        create: CreateCustomer,
        update: UpdateCustomer,
        attach: AttachPaymentMethod,
        grant: GrantCredit,
    ) -> None:
        self._database = database
        self._attach = attach
        self._grant = grant
        self._create = create
        self._update = update

    async def CreateCustomer(self, request: pb.CreateCustomerRequest, _context: Context) -> pb.CreateCustomerResponse:
        customer, token = await self._create(customer_spec_from_proto(request.customer))
        return pb.CreateCustomerResponse(customer=customer_to_proto(customer), token=token)

    async def UpdateCustomer(self, request: pb.UpdateCustomerRequest, _context: Context) -> pb.UpdateCustomerResponse:
        spec = customer_spec_from_proto(request.customer)
        customer, token = await self._update(spec, tuple(request.update_mask.paths), etag=request.customer.etag)
        return pb.UpdateCustomerResponse(customer=customer_to_proto(customer), token=token)

    async def GetCustomer(self, request: pb.GetCustomerRequest, _context: Context) -> pb.GetCustomerResponse:
        customer = await queries.get_customer(self._database, check_id(request.customer_id, "customer_id"))
        return pb.GetCustomerResponse(customer=customer_to_proto(customer))

    async def ListCustomers(self, request: pb.ListCustomersRequest, _context: Context) -> pb.ListCustomersResponse:
        page = page_asked(request, "customers", {"test_clock_id": request.test_clock_id})
        found = await queries.list_customers(self._database, page, request.test_clock_id)
        customers, token = page_of_messages(found, page, convert=customer_to_proto, key=lambda customer: (customer.id,))
        return pb.ListCustomersResponse(customers=customers, next_page_token=token)

    async def GrantCredit(self, request: pb.GrantCreditRequest, _context: Context) -> pb.GrantCreditResponse:
        grant, key = grant_from_proto(request)
        return await self._grant(grant, key)

    async def ListCreditEntries(
        self, request: pb.ListCreditEntriesRequest, _context: Context
    ) -> pb.ListCreditEntriesResponse:
        customer_id = check_id(request.customer_id, "customer_id")
        page = page_asked(request, "credit_entries", {"customer_id": customer_id})
        found = await queries.list_credit_entries(self._database, page, customer_id)
        entries, token = page_of_messages(
            found, page, convert=credit_entry_to_proto, key=lambda entry: (str(entry.revision), entry.id)
        )
        return pb.ListCreditEntriesResponse(credit_entries=entries, next_page_token=token)

    async def AttachPaymentMethod(
        self, request: pb.AttachPaymentMethodRequest, _context: Context
    ) -> pb.AttachPaymentMethodResponse:
        customer_id = check_id(request.customer_id, "customer_id")
        customer = await self._attach(customer_id, request.payment_method_id)
        return pb.AttachPaymentMethodResponse(customer=customer_to_proto(customer), token=customer_token(customer))
