"""Changes what a subscription holds: plan, billing period, commitments, add-ons, coupons."""

from datetime import datetime

from billing.clients.catalog import Catalog
from billing.commands.change_subscription import Asked, ChangeSubscription, Outcome
from billing.domain.charging import Step
from billing.domain.plan_terms import PlanDocument, Terms
from billing.domain.subscription import Subscription, subscription_not_found
from billing.domain.update import Update, update
from billing.messages.invoice import invoice_to_proto
from billing.messages.plan_terms import plan_terms
from billing.messages.request_key import RequestKey
from billing.messages.subscription import subscription_to_proto
from billing.store import subscriptions
from kit.db import Database
from tollkeeper.billing.v1.subscription_service_pb2 import UpdateSubscriptionResponse as Response


class UpdateSubscription:
    """Updates a subscription, or shows what updating it would do."""

    def __init__(self, database: Database, change: ChangeSubscription, *, catalog: Catalog) -> None:
        self._database = database
        self._change = change
        self._catalog = catalog

    async def __call__(self, asked: Update, key: RequestKey | None) -> Response:
        """The subscription with what was charged or credited at once.

        Raises:
            TollkeeperError: As the contract says.
        """
        return await self._change(await self._asked(asked), key, response_type=Response, respond=_response)

    async def preview(self, asked: Update) -> Response:
        """The subscription and the invoice that would be; nothing of them is stored.

        Raises:
            TollkeeperError: As the contract says.
        """
        return _response(await self._change.preview(await self._asked(asked)))

    async def _asked(self, asked: Update) -> Asked:
        document = await self._newest(asked)
        newest = None if document is None else plan_terms(document)
        coupons = tuple([await self._catalog.coupon(coupon_id) for coupon_id in asked.apply_coupon_ids])

        def decide(subscription: Subscription, terms: Terms, now: datetime, revision: int) -> Step:
            return update(subscription, asked, terms=terms, newest=newest, coupons=coupons, now=now, revision=revision)

        return Asked(asked.subscription_id, decide, document)

    async def _newest(self, asked: Update) -> PlanDocument | None:
        """The newest version of the plan that is asked for; None where the subscription keeps the one it has."""
        if not (asked.plan_id or asked.latest_version):
            return None
        async with self._database.read() as connection:
            found = await subscriptions.get(connection, asked.subscription_id)
        if found is None:
            raise subscription_not_found(asked.subscription_id)
        plan_id = asked.plan_id or found.holding.plan_id
        if plan_id == found.holding.plan_id and not asked.latest_version:
            return None
        return await self._catalog.newest_version(plan_id, archived=plan_id == found.holding.plan_id)


def _response(outcome: Outcome) -> Response:
    return Response(
        subscription=subscription_to_proto(outcome.subscription),
        invoice=None if outcome.invoice is None else invoice_to_proto(outcome.invoice),
        token=outcome.token,
    )
