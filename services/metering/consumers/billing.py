"""Billing's customers and test clocks."""

from kit.broker import Broker
from kit.consumer import Consumer, handler
from kit.db import Database
from metering.commands.customer_clocks import CustomerClocks
from metering.messages.customer import customer_from_proto, test_clock_from_proto
from metering.store import tables
from tollkeeper.billing.v1.billing_events_pb2 import (
    CustomerCreated,
    CustomerUpdated,
    TestClockAdvanced,
    TestClockCreated,
)


def billing_consumer(broker: Broker, database: Database, clocks: CustomerClocks) -> Consumer:
    """Keeps the customers and their clocks up to date."""

    async def on_customer(event: CustomerCreated | CustomerUpdated) -> None:
        await clocks.store(customer_from_proto(event.customer))

    async def on_clock(event: TestClockCreated | TestClockAdvanced) -> None:
        await clocks.store_clock(test_clock_from_proto(event.test_clock))

    return Consumer(
        broker,
        database,
        stream="billing",
        durable="metering",
        handlers=dict(
            [
                handler(CustomerCreated, on_customer),
                handler(CustomerUpdated, on_customer),
                handler(TestClockCreated, on_clock),
                handler(TestClockAdvanced, on_clock),
            ]
        ),
        dead_letters=tables.dead_letter,
    )
