"""What the end of a subscription's current period would charge if it came now."""

from billing.clients.metering import Metering
from billing.commands.boundaries import Boundaries
from billing.commands.boundaries_first import boundaries_first
from billing.commands.ledgers import ask_usage, read_ledgers
from billing.commands.load_subscription import load_subscription
from billing.commands.plans import Plans
from billing.domain.boundary import cross
from billing.domain.invoicing import draft_invoice
from billing.domain.subscription import check_changeable
from billing.messages.invoice import invoice_to_proto
from billing.messages.subscription import subscription_to_proto
from kernel.clock import Clock
from kernel.errors import precondition
from kit.db import Database
from tollkeeper.billing.v1.subscription_service_pb2 import PreviewRenewalResponse as Response


class PreviewRenewal:
    """Crosses a subscription's next boundary on paper."""

    def __init__(
        self, database: Database, *, clock: Clock, plans: Plans, metering: Metering, boundaries: Boundaries
    ) -> None:
        self._database = database
        self._clock = clock
        self._plans = plans
        self._metering = metering
        self._boundaries = boundaries

    async def __call__(self, subscription_id: str) -> Response:
        """The draft, with the usage so far.

        Raises:
            TollkeeperError: As the contract says.
        """
        return await boundaries_first(self._boundaries, lambda: self._preview(subscription_id))

    async def _preview(self, subscription_id: str) -> Response:
        async with self._database.read() as connection:
            loaded = await load_subscription(connection, subscription_id, clock=self._clock, lock=False)
            ledgers = await read_ledgers(connection, self._plans, [loaded.subscription])
        subscription = loaded.subscription
        check_changeable(subscription)
        if subscription.boundary is None:
            message = f"The subscription {subscription.id} waits for its first payment: nothing renews before it."
            raise precondition("CHANGE_PENDING", message, subscription_id=subscription.id).at("subscription_id")
        step = cross(subscription, revision=subscription.revision)
        answers = await ask_usage(self._metering, ledgers.questions([step]))
        change = ledgers.charge(step, answers)
        invoice = draft_invoice(change, loaded.customer, loaded.now) if change.lines else None
        return Response(
            subscription=subscription_to_proto(change.subscription),
            invoice=None if invoice is None else invoice_to_proto(invoice),
        )
