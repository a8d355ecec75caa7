"""Billing's events: customers, test clocks and subscriptions."""

from entitlements.commands.apply_customer import ApplyCustomer
from entitlements.commands.apply_subscription import ApplySubscription
from entitlements.commands.apply_test_clock import ApplyTestClock
from entitlements.commands.doubt_customer import DoubtCustomer
from entitlements.messages.customer import customer_from_proto, test_clock_from_proto
from entitlements.messages.subscription import subscription_from_proto
from entitlements.store import tables
from kit.broker import Broker
from kit.consumer import Consumer, handler
from kit.db import Database
from tollkeeper.billing.v1 import billing_events_pb2 as events

SubscriptionEvent = (
    events.SubscriptionProvisioned
    | events.SubscriptionUpdated
    | events.SubscriptionRenewed
    | events.SubscriptionCanceled
    | events.SubscriptionActivated
    | events.SubscriptionTrialEnded
    | events.SubscriptionExpired
    | events.SubscriptionPastDue
)


def billing_consumer(
    broker: Broker,
    database: Database,
    *,
    apply_customer: ApplyCustomer,
    apply_test_clock: ApplyTestClock,
    apply_subscription: ApplySubscription,
    doubt_customer: DoubtCustomer,
) -> Consumer:
    """Reads billing's stream, one of all replicas each event."""

    async def born(event: events.CustomerCreated) -> None:
        await apply_customer(customer_from_proto(event.customer), complete=True)

    async def changed(event: events.CustomerUpdated) -> None:
        await apply_customer(customer_from_proto(event.customer), complete=False)

    async def clock(event: events.TestClockCreated | events.TestClockAdvanced) -> None:
        await apply_test_clock(test_clock_from_proto(event.test_clock))

    async def subscription(event: SubscriptionEvent) -> None:
        try:
            await apply_subscription(subscription_from_proto(event.subscription))
        except ValueError:
            # A word of a newer billing, for example. It will be a dead letter: whoever asks meanwhile must not be told that the
            # customer has no such subscription.
            await doubt_customer(event.subscription.customer_id)
            raise

    return Consumer(
        broker,
        database,
        stream="billing",
        durable="entitlements",
        handlers=dict(
            [
                handler(events.CustomerCreated, born),
                handler(events.CustomerUpdated, changed),
                handler(events.TestClockCreated, clock),
                handler(events.TestClockAdvanced, clock),
                handler(events.SubscriptionProvisioned, subscription),
                handler(events.SubscriptionUpdated, subscription),
                handler(events.SubscriptionRenewed, subscription),
                handler(events.SubscriptionCanceled, subscription),
                handler(events.SubscriptionActivated, subscription),
                handler(events.SubscriptionTrialEnded, subscription),
                handler(events.SubscriptionExpired, subscription),
                handler(events.SubscriptionPastDue, subscription),
            ]
        ),
        dead_letters=tables.dead_letter,
    )
