"""Begins a subscription and charges its first period in advance."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.clients.catalog import Catalog
from billing.commands import once
from billing.commands.customer_time import Present, present
from billing.commands.invoicing import issue
from billing.commands.register_trackers import RegisterTrackers
from billing.commands.renewals import Renewals
from billing.commands.renewals_first import check_up_to_date, renewals_first
from billing.commands.tokens import subscription_token
from billing.domain.invoice import Invoice
from billing.domain.lifecycle import Agreement, Change, draft_invoice, provision
from billing.domain.plan_terms import BillingModel, PlanDocument, PlanTerms
from billing.domain.subscription import Subscription
from billing.messages.invoice import invoice_to_proto
from billing.messages.plan_terms import plan_terms
from billing.messages.request_key import RequestKey
from billing.messages.subscription import subscription_to_proto
from billing.store import plan_versions, revisions, subscriptions, tracker_registrations
from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError, precondition
from kernel.ids import new_id
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2
from tollkeeper.billing.v1.subscription_service_pb2 import ProvisionSubscriptionResponse as Response


class ProvisionSubscription:
    """Provisions a subscription, or shows what provisioning it would do."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        clock: Clock,
        catalog: Catalog,
        renewals: Renewals,
        trackers: RegisterTrackers,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._catalog = catalog
        self._renewals = renewals
        self._trackers = trackers

    async def __call__(self, agreement: Agreement, key: RequestKey | None) -> Response:
        """The subscription and its invoice.

        Raises:
            TollkeeperError: As the contract says.
        """
        first = await once.first_outcome(self._database, key, Response)
        if first is not None:
            return first
        async with self._database.read() as connection:
            await present(connection, agreement.customer_id, clock=self._clock, lock=False)
        document = await self._catalog.newest_version(agreement.plan_id)
        terms = plan_terms(document)
        given = replace(agreement, subscription_id=agreement.subscription_id or new_id("sub"))
        response = await renewals_first(self._renewals, lambda: self._provision(given, document, terms=terms, key=key))
        if terms.of_model(BillingModel.USAGE_BASED):
            await self._trackers.try_now(response.subscription.id)
        return response

    async def preview(self, agreement: Agreement) -> Response:
        """The subscription and the invoice that would be; nothing of them is stored.

        Raises:
            TollkeeperError: As the contract says.
        """
        async with self._database.read() as connection:
            await present(connection, agreement.customer_id, clock=self._clock, lock=False)
        terms = plan_terms(await self._catalog.newest_version(agreement.plan_id))
        return await renewals_first(self._renewals, lambda: self._preview(agreement, terms))

    async def _provision(
        self, agreement: Agreement, document: PlanDocument, *, terms: PlanTerms, key: RequestKey | None
    ) -> Response:
        async with self._database.write() as connection:
            first = await once.claim(connection, key, Response)
            if first is not None:
                return first
            change, here = await self._change(connection, agreement, terms, lock=True)
            await plan_versions.keep(connection, document)
            await self._store(connection, change, terms)
            issued = await issue(connection, self._outbox, changes=[change], payers=[here.customer], now=here.now)
            customer = issued.customers[here.customer.id]
            response = _response(change, issued.invoices.get(change.subscription.id))
            response.token = subscription_token(change.subscription, customer)
            await once.keep(connection, key, response)
            return response

    async def _preview(self, agreement: Agreement, terms: PlanTerms) -> Response:
        async with self._database.read() as connection:
            change, here = await self._change(connection, agreement, terms, lock=False)
        return _response(change, draft_invoice(change, here.customer) if change.lines else None)

    async def _change(
        self, connection: AsyncConnection, agreement: Agreement, terms: PlanTerms, *, lock: bool
    ) -> tuple[Change, Present]:
        """What happens, and to whom; with `lock` it is about to be stored."""
        here = await present(connection, agreement.customer_id, clock=self._clock, lock=lock)
        live = await subscriptions.live_of_product(connection, here.customer.id, terms.product_id)
        if live is not None:
            check_up_to_date(live, here.now)
            raise _exists(live)
        if agreement.subscription_id and await subscriptions.get(connection, agreement.subscription_id):
            raise _taken(agreement.subscription_id)
        revision = await revisions.take(connection) if lock else 0
        return provision(terms, agreement, customer=here.customer, now=here.now, revision=revision), here

    async def _store(self, connection: AsyncConnection, change: Change, terms: PlanTerms) -> None:
        subscription = change.subscription
        if not await subscriptions.add(connection, subscription):
            raise _taken(subscription.id)
        if terms.of_model(BillingModel.USAGE_BASED):
            await tracker_registrations.add(connection, subscription.id)
        event = billing_events_pb2.SubscriptionProvisioned(subscription=subscription_to_proto(subscription))
        await self._outbox.put(connection, "subscription", "provisioned", id=subscription.id, event=event)


def _response(change: Change, invoice: Invoice | None) -> Response:
    return Response(
        subscription=subscription_to_proto(change.subscription),
        invoice=None if invoice is None else invoice_to_proto(invoice),
    )


def _exists(live: Subscription) -> TollkeeperError:
    return precondition(
        "SUBSCRIPTION_EXISTS",
        f"The customer {live.customer_id} has the live subscription {live.id} to the product {live.product_id}. "
        "Raise its commitments, or cancel it: after its end a new one may begin.",
        subscription_id=live.id,
    )


def _taken(subscription_id: str) -> TollkeeperError:
    return TollkeeperError(
        ErrorKind.ALREADY_EXISTS,
        "SUBSCRIPTION_ID_TAKEN",
        f"Another subscription has the id {subscription_id}. Choose another id, or leave it out.",
        metadata={"subscription_id": subscription_id},
    )
