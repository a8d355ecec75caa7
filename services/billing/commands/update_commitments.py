"""Raises commitments and charges the addition for the rest of the period."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands import once
from billing.commands.invoicing import issue
from billing.commands.load_subscription import Loaded, load_subscription
from billing.commands.plans import Plans, terms_for
from billing.commands.renewals import Renewals
from billing.commands.renewals_first import renewals_first
from billing.commands.tokens import subscription_token
from billing.domain.commitment import Commitment
from billing.domain.invoice import COMMITMENT_TYPES, Invoice
from billing.domain.lifecycle import Change, draft_invoice, raise_commitments
from billing.messages.invoice import invoice_to_proto
from billing.messages.request_key import RequestKey
from billing.messages.subscription import subscription_to_proto
from billing.store import invoices, revisions, subscriptions
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2
from tollkeeper.billing.v1.subscription_service_pb2 import UpdateCommitmentsResponse as Response


class UpdateCommitments:
    """Raises commitments, or shows what raising them would do."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock, renewals: Renewals, plans: Plans) -> None:
        self._database = database
        self._plans = plans
        self._outbox = outbox
        self._clock = clock
        self._renewals = renewals

    async def __call__(
        self, subscription_id: str, requested: Sequence[Commitment], *, key: RequestKey | None
    ) -> Response:
        """The subscription with its new commitments, and the invoice of the addition.

        Raises:
            TollkeeperError: As the contract says.
        """
        first = await once.first_outcome(self._database, key, Response)
        if first is not None:
            return first
        return await renewals_first(self._renewals, lambda: self._update(subscription_id, requested, key))

    async def preview(self, subscription_id: str, requested: Sequence[Commitment]) -> Response:
        """The subscription and the invoice that would be; nothing of them is stored.

        Raises:
            TollkeeperError: As the contract says.
        """
        return await renewals_first(self._renewals, lambda: self._preview(subscription_id, requested))

    async def _update(self, subscription_id: str, requested: Sequence[Commitment], key: RequestKey | None) -> Response:
        async with self._database.write() as connection:
            first = await once.claim(connection, key, Response)
            if first is not None:
                return first
            loaded, change = await self._change(connection, subscription_id, requested, lock=True)
            if change.subscription != loaded.subscription:
                await subscriptions.save_all(connection, [change.subscription])
                event = billing_events_pb2.SubscriptionUpdated(subscription=subscription_to_proto(change.subscription))
                await self._outbox.put(connection, "subscription", "updated", id=subscription_id, event=event)
            issued = await issue(connection, self._outbox, changes=[change], payers=[loaded.customer], now=loaded.now)
            response = _response(change, issued.invoices.get(subscription_id))
            response.token = subscription_token(change.subscription, issued.customers[loaded.customer.id])
            await once.keep(connection, key, response)
            return response

    async def _preview(self, subscription_id: str, requested: Sequence[Commitment]) -> Response:
        async with self._database.read() as connection:
            loaded, change = await self._change(connection, subscription_id, requested, lock=False)
        return _response(change, draft_invoice(change, loaded.customer) if change.lines else None)

    async def _change(
        self, connection: AsyncConnection, subscription_id: str, requested: Sequence[Commitment], *, lock: bool
    ) -> tuple[Loaded, Change]:
        """What happens, and to what; with `lock` it is about to be stored."""
        loaded = await load_subscription(connection, subscription_id, clock=self._clock, lock=lock)
        subscription = loaded.subscription
        terms = terms_for(await self._plans.terms_of(connection, [subscription]), subscription)
        current = (subscription.id, subscription.period_number)
        accounts = await invoices.accounts(connection, [current], COMMITMENT_TYPES)
        change = raise_commitments(
            subscription,
            terms,
            requested,
            account=accounts.get(subscription.id, ()),
            now=loaded.now,
            revision=await revisions.take(connection) if lock else subscription.revision,
        )
        return loaded, change


def _response(change: Change, invoice: Invoice | None) -> Response:
    return Response(
        subscription=subscription_to_proto(change.subscription),
        invoice=None if invoice is None else invoice_to_proto(invoice),
    )
