"""Begins a subscription and charges what is due at once."""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.clients.catalog import Catalog
from billing.commands import once
from billing.commands.boundaries import Boundaries
from billing.commands.boundaries_first import boundaries_first, check_up_to_date
from billing.commands.collecting import Collecting
from billing.commands.customer_time import Present, present
from billing.commands.outcome import Outcome, paid_outcome
from billing.commands.register_trackers import RegisterTrackers
from billing.commands.settle_changes import settle_changes
from billing.commands.tokens import subscription_token
from billing.domain.charging import Change, charge
from billing.domain.coupon import Coupon
from billing.domain.invoicing import draft_invoice, paid_first
from billing.domain.plan_terms import PlanDocument, PlanTerms
from billing.domain.provision import Agreement, provision
from billing.domain.subscription import Subscription, subscription_id_taken
from billing.messages.plan_terms import plan_terms
from billing.messages.request_key import RequestKey
from billing.store import plan_versions, revisions, subscriptions
from kernel.clock import Clock
from kernel.errors import TollkeeperError, precondition
from kernel.ids import new_id
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1.subscription_service_pb2 import ProvisionSubscriptionResponse as Response


@dataclass(frozen=True, slots=True)
class _Offered:
    """What the catalog offers for an agreement."""

    document: PlanDocument
    terms: PlanTerms
    coupons: tuple[Coupon, ...]


class ProvisionSubscription:
    """Provisions a subscription, or shows what provisioning it would do."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        clock: Clock,
        catalog: Catalog,
        boundaries: Boundaries,
        collection: Collecting,
        trackers: RegisterTrackers,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._catalog = catalog
        self._boundaries = boundaries
        self._collection = collection
        self._trackers = trackers

    async def __call__(self, agreement: Agreement, key: RequestKey | None) -> Response:
        """The subscription and its invoice.

        Raises:
            TollkeeperError: As the contract says.
        """
        first = await once.first_outcome(self._database, key, Response)
        if first is not None:
            return first
        offered = await self._offered(agreement)
        given = replace(agreement, subscription_id=agreement.subscription_id or new_id("sub"))
        return await boundaries_first(self._boundaries, lambda: self._provision(given, offered, key))

    async def preview(self, agreement: Agreement) -> Response:
        """The subscription and the invoice that would be; nothing of them is stored.

        Raises:
            TollkeeperError: As the contract says.
        """
        offered = await self._offered(agreement)
        return await boundaries_first(self._boundaries, lambda: self._preview(agreement, offered))

    async def _offered(self, agreement: Agreement) -> _Offered:
        async with self._database.read() as connection:
            await present(connection, agreement.customer_id, clock=self._clock, lock=False)
        document = await self._catalog.newest_version(agreement.plan_id)
        coupons = await self._catalog.coupons(agreement.coupon_ids, "coupon_ids")
        return _Offered(document, plan_terms(document), coupons)

    async def _provision(self, agreement: Agreement, offered: _Offered, key: RequestKey | None) -> Response:
        async with self._database.write() as connection:
            first = await once.claim(connection, key, Response)
            if first is not None:
                return first
            change, here = await self._change(connection, agreement, offered, lock=True)
            if paid_first(change, here.customer, here.now):
                self._collection.check(here.customer)
            await plan_versions.keep(connection, offered.document)
            settled = await settle_changes(
                connection,
                self._outbox,
                collection=self._collection,
                changes=[change],
                payers=[here.customer],
                terms={offered.terms.key: offered.terms},
                now=here.now,
            )
            subscription = settled.subscriptions[change.subscription.id]
            token = subscription_token(subscription, settled.customers[here.customer.id])
            outcome = Outcome(subscription, settled.invoices.get(subscription.id), token)
            response = outcome.response(Response)
            await once.keep(connection, key, response)
        if settled.attempts:
            await self._collection.ask(settled.attempts)
            async with self._database.write() as connection:
                response = (await paid_outcome(connection, outcome)).response(Response)
                await once.keep(connection, key, response)
        if settled.tracked:
            await self._trackers.try_now(subscription.id)
        return response

    async def _preview(self, agreement: Agreement, offered: _Offered) -> Response:
        async with self._database.read() as connection:
            change, here = await self._change(connection, agreement, offered, lock=False)
        invoice = draft_invoice(change, here.customer, here.now) if change.lines else None
        return Outcome(change.subscription, invoice).response(Response)

    async def _change(
        self, connection: AsyncConnection, agreement: Agreement, offered: _Offered, *, lock: bool
    ) -> tuple[Change, Present]:
        """What happens, and to whom; with `lock` it is about to be stored."""
        terms = offered.terms
        here = await present(connection, agreement.customer_id, clock=self._clock, lock=lock)
        customer_id, product_id = here.customer.id, terms.product_id
        live = await subscriptions.live_of_product(connection, customer_id, product_id, agreement.resource_id)
        if live is not None:
            check_up_to_date(live, here.now)
            raise _exists(live)
        if agreement.subscription_id and await subscriptions.get(connection, agreement.subscription_id):
            raise subscription_id_taken(agreement.subscription_id)
        step = provision(
            terms,
            agreement,
            customer=here.customer,
            coupons=offered.coupons,
            had_trial=await subscriptions.had_trial(connection, customer_id, product_id),
            now=here.now,
            revision=await revisions.take(connection) if lock else 0,
        )
        return charge(step, terms={terms.key: terms}, account=(), answers={}), here


def _exists(live: Subscription) -> TollkeeperError:
    return precondition(
        "SUBSCRIPTION_EXISTS",
        f"The customer {live.customer_id} has the live subscription {live.id} to the product {live.product_id}. "
        "Update it, or cancel it: after its end a new one may begin.",
        subscription_id=live.id,
    ).at("plan_id")
