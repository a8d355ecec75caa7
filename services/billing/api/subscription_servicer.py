"""``SubscriptionService``."""

from billing import queries
from billing.api.pages import page_asked
from billing.commands.cancel_subscription import CancelSubscription
from billing.commands.provision_subscription import ProvisionSubscription
from billing.commands.update_commitments import UpdateCommitments
from billing.messages.agreement import agreement_from_proto, raise_from_proto
from billing.messages.request_key import request_key
from billing.messages.subscription import subscription_to_proto
from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.db import Database
from kit.paging import page_of_messages
from kit.rpc import Context
from tollkeeper.billing.v1 import subscription_service_pb2 as pb
from tollkeeper.billing.v1 import subscription_service_pb2_grpc as grpc_api


class SubscriptionServicer(grpc_api.SubscriptionServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self,
        database: Database,
        *,
        provision: ProvisionSubscription,
        update: UpdateCommitments,
        cancel: CancelSubscription,
    ) -> None:
        self._database = database
        self._provision = provision
        self._update = update
        self._cancel = cancel

    async def ProvisionSubscription(
        self, request: pb.ProvisionSubscriptionRequest, _context: Context
    ) -> pb.ProvisionSubscriptionResponse:
        agreement, key = agreement_from_proto(request)
        if request.validate_only:
            return await self._provision.preview(agreement)
        return await self._provision(agreement, key)

    async def UpdateCommitments(
        self, request: pb.UpdateCommitmentsRequest, _context: Context
    ) -> pb.UpdateCommitmentsResponse:
        commitments, key = raise_from_proto(request)
        if request.validate_only:
            return await self._update.preview(request.subscription_id, commitments)
        return await self._update(request.subscription_id, commitments, key=key)

    async def CancelSubscription(
        self, request: pb.CancelSubscriptionRequest, _context: Context
    ) -> pb.CancelSubscriptionResponse:
        mistakes = Mistakes()
        mistakes.attempt(check_id, request.subscription_id, "subscription_id")
        key = mistakes.attempt(request_key, request, request.request_id)
        mistakes.check()
        return await self._cancel(request.subscription_id, key)

    async def GetSubscription(
        self, request: pb.GetSubscriptionRequest, _context: Context
    ) -> pb.GetSubscriptionResponse:
        found = await queries.get_subscription(self._database, check_id(request.subscription_id, "subscription_id"))
        return pb.GetSubscriptionResponse(subscription=subscription_to_proto(found))

    async def ListSubscriptions(
        self, request: pb.ListSubscriptionsRequest, _context: Context
    ) -> pb.ListSubscriptionsResponse:
        page = page_asked(request, "subscriptions", {"customer_id": request.customer_id})
        found = await queries.list_subscriptions(self._database, page, request.customer_id)
        subscriptions, token = page_of_messages(found, page, convert=subscription_to_proto, key=lambda one: (one.id,))
        return pb.ListSubscriptionsResponse(subscriptions=subscriptions, next_page_token=token)
