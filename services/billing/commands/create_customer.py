"""Makes a customer."""

from billing.commands.customer_time import clock_time
from billing.commands.tokens import customer_token
from billing.domain.customer import Customer, CustomerSpec, check_customer, create_customer
from billing.messages.customer import customer_to_proto
from billing.store import customers, revisions
from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2


class CreateCustomer:
    """Makes a customer and announces it; an equal one is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: CustomerSpec) -> tuple[Customer, str]:
        """The customer as made, and the write's token.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `CUSTOMER_ID_TAKEN` by a different customer; `TEST_CLOCK_NOT_FOUND`;
                `TEST_CLOCK_ADVANCING`.
        """
        check_customer(spec, "customer")
        async with self._database.write() as connection:
            customer = await customers.get(connection, spec.id)
            if customer is None:
                now = await clock_time(connection, spec.test_clock_id, lock=True) or self._clock.now()
                customer = create_customer(spec, now, revision=await revisions.take(connection))
                if await customers.add(connection, customer):
                    event = billing_events_pb2.CustomerCreated(customer=customer_to_proto(customer))
                    await self._outbox.put(connection, "customer", "created", id=customer.id, event=event)
                    return customer, customer_token(customer)
                [customer] = await customers.get_many(connection, [spec.id])
            if customer.spec != spec:
                raise _taken(spec.id)
            return customer, customer_token(customer)


def _taken(customer_id: str) -> TollkeeperError:
    return TollkeeperError(
        ErrorKind.ALREADY_EXISTS,
        "CUSTOMER_ID_TAKEN",
        f"A different customer has the id {customer_id}. Update that one, or choose another id.",
        metadata={"customer_id": customer_id},
    ).at("customer.id")
