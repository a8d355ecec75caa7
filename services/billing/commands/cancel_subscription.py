"""Schedules the end of a subscription for the end of its period."""

from billing.commands import once
from billing.commands.load_subscription import load_subscription
from billing.commands.renewals import Renewals
from billing.commands.renewals_first import renewals_first
from billing.commands.tokens import subscription_token
from billing.domain.lifecycle import schedule_end
from billing.messages.request_key import RequestKey
from billing.messages.subscription import subscription_to_proto
from billing.store import revisions, subscriptions
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2
from tollkeeper.billing.v1.subscription_service_pb2 import CancelSubscriptionResponse as Response


class CancelSubscription:
    """Schedules a subscription's end; one that has an end already is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock, renewals: Renewals) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._renewals = renewals

    async def __call__(self, subscription_id: str, key: RequestKey | None) -> Response:
        """The subscription with its end.

        Raises:
            TollkeeperError: As the contract says.
        """
        first = await once.first_outcome(self._database, key, Response)
        if first is not None:
            return first
        return await renewals_first(self._renewals, lambda: self._cancel(subscription_id, key))

    async def _cancel(self, subscription_id: str, key: RequestKey | None) -> Response:
        async with self._database.write() as connection:
            first = await once.claim(connection, key, Response)
            if first is not None:
                return first
            loaded = await load_subscription(connection, subscription_id, clock=self._clock, lock=True)
            changed = schedule_end(loaded.subscription, revision=await revisions.take(connection))
            message = subscription_to_proto(changed)
            if changed is not loaded.subscription:
                await subscriptions.save_all(connection, [changed])
                event = billing_events_pb2.SubscriptionUpdated(subscription=message)
                await self._outbox.put(connection, "subscription", "updated", id=changed.id, event=event)
            response = Response(subscription=message, token=subscription_token(changed, loaded.customer))
            await once.keep(connection, key, response)
            return response
