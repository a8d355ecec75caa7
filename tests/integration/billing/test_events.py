"""Events: every change is announced with the whole new state, in the order in which it came about."""

from datetime import UTC, datetime

from google.protobuf.message import Message
from nats.js.api import ConsumerConfig, DeliverPolicy

from kit.broker import Broker, stream_name
from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import World
from tollkeeper.billing.v1 import billing_events_pb2, invoice_pb2

APRIL = datetime(2013, 4, 1, tzinfo=UTC)


async def announced(broker: Broker, count: int) -> list[tuple[str, Message]]:
    """The first events of billing's stream: their subjects without the id, and what they tell."""
    subscription = await broker.jetstream.subscribe(
        "tollkeeper.billing.>",
        stream=stream_name("billing"),
        ordered_consumer=True,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
    )
    found = []
    for _ in range(count):
        message = await subscription.next_msg(timeout=5)
        type_name = (message.headers or {})["ce-type"].rpartition(".")[2]
        event: Message = getattr(billing_events_pb2, type_name).FromString(message.data)
        found.append((message.subject.removeprefix("tollkeeper.billing.").rpartition(".")[0], event))
    await subscription.unsubscribe()
    return found


async def test_a_story_as_its_events(world: World, broker: Broker) -> None:
    world.catalog.publish(plan("airline", gates(pricing="VOLUME"), departures()))
    await world.clock("2013", APRIL)
    await world.customer("UA", "2013")
    begun = await world.provision("UA", "airline", commitments={"gates": "10"}, subscription_id="ua")
    await world.advance("2013", APRIL.replace(day=16))
    raised = await world.raise_to("ua", {"gates": "11"})
    await world.cancel("ua")
    customer_with_credit = await world.get_customer("UA")
    await world.advance("2013", APRIL.replace(month=5))

    events = await announced(broker, 17)
    assert [subject for subject, _ in events] == [
        "test_clock.created",
        "customer.created",
        "subscription.provisioned",
        "invoice.finalized",
        # The clock sets out, and arrives.
        "test_clock.advanced",
        "test_clock.advanced",
        # A raise that costs less: credit, and an invoice that is paid at once.
        "subscription.updated",
        "customer.updated",
        "invoice.finalized",
        "invoice.paid",
        "subscription.updated",
        # It sets out, comes to the end of the period, and arrives there.
        "test_clock.advanced",
        "test_clock.advanced",
        "subscription.canceled",
        "invoice.finalized",
        "invoice.paid",
        "test_clock.advanced",
    ]
    messages = [event for _, event in events]
    assert messages[2] == billing_events_pb2.SubscriptionProvisioned(subscription=begun.subscription)
    assert messages[3] == billing_events_pb2.InvoiceFinalized(invoice=begun.invoice)
    assert messages[6] == billing_events_pb2.SubscriptionUpdated(subscription=raised.subscription)
    assert messages[7] == billing_events_pb2.CustomerUpdated(customer=customer_with_credit)
    assert messages[9] == billing_events_pb2.InvoicePaid(invoice=raised.invoice)
    canceled = messages[13]
    assert isinstance(canceled, billing_events_pb2.SubscriptionCanceled)
    assert canceled.subscription == await world.subscription("ua")
    final = messages[14]
    assert isinstance(final, billing_events_pb2.InvoiceFinalized)
    assert final.invoice.reason == invoice_pb2.INVOICE_REASON_FINAL
    revisions = [
        event.test_clock.revision for event in messages if isinstance(event, billing_events_pb2.TestClockAdvanced)
    ]
    assert revisions == sorted(set(revisions))
