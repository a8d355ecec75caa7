"""``SubscriptionService``."""

from dataclasses import dataclass

from billing import queries
from billing.api.pages import page_asked
from billing.commands.cancel_subscription import CancelSubscription, ResumeSubscription
from billing.commands.migrate_subscriptions import MigrateSubscriptions
from billing.commands.plans import Plans
from billing.commands.preview_plan_version import preview_plan_version
from billing.commands.preview_renewal import PreviewRenewal
from billing.commands.provision_subscription import ProvisionSubscription
from billing.commands.update_subscription import UpdateSubscription
from billing.messages.agreement import agreement_from_proto
from billing.messages.plan_effect import plan_terms_asked, preview_to_proto
from billing.messages.subscription import subscription_states_from_proto, subscription_to_proto
from billing.messages.update import (
    cancellation_from_proto,
    commitments_update_from_proto,
    migration_timing_from_proto,
    resumption_from_proto,
    update_from_proto,
)
from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.db import Database
from kit.paging import Page, next_token, page_of, page_of_messages
from kit.rpc import Context
from tollkeeper.billing.v1 import subscription_service_pb2 as pb
from tollkeeper.billing.v1 import subscription_service_pb2_grpc as grpc_api

# The contract's page of a migration: each is an update of its own, and the caller waits for all.
_MIGRATION_PAGE = 50
_MIGRATION_LIMIT = 100


@dataclass(frozen=True, slots=True)
class SubscriptionCommands:
    """What can be done with subscriptions."""

    provision: ProvisionSubscription
    update: UpdateSubscription
    cancel: CancelSubscription
    resume: ResumeSubscription
    migrate: MigrateSubscriptions
    preview_renewal: PreviewRenewal


class SubscriptionServicer(grpc_api.SubscriptionServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, plans: Plans, *, commands: SubscriptionCommands) -> None:
        self._database = database
        self._plans = plans
        self._commands = commands

    async def ProvisionSubscription(
        self, request: pb.ProvisionSubscriptionRequest, _context: Context
    ) -> pb.ProvisionSubscriptionResponse:
        agreement, key = agreement_from_proto(request)
        if request.validate_only:
            return await self._commands.provision.preview(agreement)
        return await self._commands.provision(agreement, key)

    async def UpdateSubscription(
        self, request: pb.UpdateSubscriptionRequest, _context: Context
    ) -> pb.UpdateSubscriptionResponse:
        update, key = update_from_proto(request)
        if request.validate_only:
            return await self._commands.update.preview(update)
        return await self._commands.update(update, key)

    async def UpdateCommitments(
        self, request: pb.UpdateCommitmentsRequest, _context: Context
    ) -> pb.UpdateCommitmentsResponse:
        update, key = commitments_update_from_proto(request)
        if request.validate_only:
            updated = await self._commands.update.preview(update)
        else:
            updated = await self._commands.update(update, key)
        invoice = updated.invoice if updated.HasField("invoice") else None
        return pb.UpdateCommitmentsResponse(subscription=updated.subscription, invoice=invoice, token=updated.token)

    async def CancelSubscription(
        self, request: pb.CancelSubscriptionRequest, _context: Context
    ) -> pb.CancelSubscriptionResponse:
        cancellation, key = cancellation_from_proto(request)
        if request.validate_only:
            return await self._commands.cancel.preview(cancellation)
        return await self._commands.cancel(cancellation, key)

    async def ResumeSubscription(
        self, request: pb.ResumeSubscriptionRequest, _context: Context
    ) -> pb.ResumeSubscriptionResponse:
        key = resumption_from_proto(request)
        return await self._commands.resume(request.subscription_id, request.etag, key=key)

    async def PreviewRenewal(self, request: pb.PreviewRenewalRequest, _context: Context) -> pb.PreviewRenewalResponse:
        return await self._commands.preview_renewal(check_id(request.subscription_id, "subscription_id"))

    async def MigrateSubscriptions(
        self, request: pb.MigrateSubscriptionsRequest, _context: Context
    ) -> pb.MigrateSubscriptionsResponse:
        mistakes = Mistakes()
        mistakes.attempt(check_id, request.plan_id, "plan_id")
        timing = mistakes.attempt(migration_timing_from_proto, request.timing, "timing")
        mistakes.attempt(_migration_page, request.page_size, "page_size")
        mistakes.check()
        assert timing is not None  # noqa: S101 - `check` has raised otherwise.
        page = page_of(
            request.page_size,
            request.page_token,
            filters=["migration", request.plan_id, timing],
            default=_MIGRATION_PAGE,
            maximum=_MIGRATION_LIMIT,
        )
        done = await self._commands.migrate(request.plan_id, timing, page)
        failures = [
            pb.MigrationFailure(subscription_id=one.subscription_id, reason=one.reason, message=one.message)
            for one in done.failures
        ]
        return pb.MigrateSubscriptionsResponse(
            plan_version=done.version,
            migrated_subscription_ids=done.migrated,
            failures=failures,
            next_page_token=next_token(page, (done.last,)) if done.more else "",
        )

    async def PreviewPlanVersion(
        self, request: pb.PreviewPlanVersionRequest, _context: Context
    ) -> pb.PreviewPlanVersionResponse:
        terms = plan_terms_asked(request)
        return preview_to_proto(await preview_plan_version(self._database, self._plans, terms))

    async def GetSubscription(
        self, request: pb.GetSubscriptionRequest, _context: Context
    ) -> pb.GetSubscriptionResponse:
        found = await queries.get_subscription(self._database, check_id(request.subscription_id, "subscription_id"))
        return pb.GetSubscriptionResponse(subscription=subscription_to_proto(found))

    async def ListSubscriptions(
        self, request: pb.ListSubscriptionsRequest, _context: Context
    ) -> pb.ListSubscriptionsResponse:
        states = subscription_states_from_proto(request.states, "states")
        filters = {"customer_id": request.customer_id, "plan_id": request.plan_id}
        page = page_asked(request, "subscriptions", filters, more=states)
        found = await queries.list_subscriptions(self._database, page, **filters, states=states)
        subscriptions, token = page_of_messages(found, page, convert=subscription_to_proto, key=lambda one: (one.id,))
        return pb.ListSubscriptionsResponse(subscriptions=subscriptions, next_page_token=token)


def _migration_page(size: int, _path: str) -> Page:
    return page_of(size, "", filters=[], default=_MIGRATION_PAGE, maximum=_MIGRATION_LIMIT)
