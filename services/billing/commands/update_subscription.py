"""Changes what a subscription holds: plan, billing period, commitments, add-ons, coupons."""

from billing.clients.catalog import Catalog
from billing.commands.change_subscription import Asked, ChangeSubscription, Given, Offered
from billing.domain.charging import Step
from billing.domain.subscription import Subscription
from billing.domain.update import Update, update
from billing.messages.plan_terms import plan_terms
from billing.messages.request_key import RequestKey
from tollkeeper.billing.v1.subscription_service_pb2 import UpdateSubscriptionResponse as Response


class UpdateSubscription:
    """Updates a subscription, or shows what updating it would do."""

    def __init__(self, change: ChangeSubscription, *, catalog: Catalog) -> None:
        self._change = change
        self._catalog = catalog

    async def __call__(self, asked: Update, key: RequestKey | None) -> Response:
        """The subscription with what was charged or credited at once.

        Raises:
            TollkeeperError: As the contract says.
        """
        return await self._change(self._asked(asked), key, Response)

    async def preview(self, asked: Update) -> Response:
        """The subscription and the invoice that would be; nothing of them is stored.

        Raises:
            TollkeeperError: As the contract says.
        """
        return (await self._change.preview(self._asked(asked))).response(Response)

    def _asked(self, asked: Update) -> Asked:
        async def consult(subscription: Subscription) -> Offered:
            return await self._offered(asked, subscription)

        def decide(subscription: Subscription, given: Given) -> Step:
            return update(
                subscription,
                asked,
                terms=given.terms,
                newest=given.newest,
                coupons=given.coupons,
                now=given.now,
                revision=given.revision,
            )

        return Asked(asked.subscription_id, consult, decide)

    async def _offered(self, asked: Update, subscription: Subscription) -> Offered:
        """The newest version of the plan that is asked for, unless the subscription keeps the one it has; and the coupons."""
        held = subscription.holding.plan_id
        plan_id = asked.plan_id or held
        document = None
        if plan_id != held or asked.latest_version:
            document = await self._catalog.newest_version(plan_id, archived=plan_id == held)
        coupons = await self._catalog.coupons(asked.apply_coupon_ids, "apply_coupon_ids")
        return Offered(document, None if document is None else plan_terms(document), coupons)
