"""Changes a customer."""

from billing.commands.customer_time import present
from billing.commands.tokens import customer_token
from billing.domain.customer import Customer, CustomerSpec, check_etag, check_update, update_customer
from billing.messages.customer import customer_to_proto
from billing.store import customers, revisions
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2


class UpdateCustomer:
    """Changes what may change of a customer and announces it."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: CustomerSpec, mask: tuple[str, ...], *, etag: str = "") -> tuple[Customer, str]:
        """The customer as changed, and the write's token.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `CUSTOMER_NOT_FOUND`; `ETAG_MISMATCH`; `TEST_CLOCK_ADVANCING`.
        """
        named = check_update(spec, mask, path="customer", mask_path="update_mask")
        async with self._database.write() as connection:
            here = await present(connection, spec.id, clock=self._clock, lock=True)
            check_etag(here.customer, etag)
            revision = await revisions.take(connection)
            customer = update_customer(here.customer, spec, named, revision=revision)
            if customer is not here.customer:
                await customers.save(connection, customer)
                event = billing_events_pb2.CustomerUpdated(customer=customer_to_proto(customer))
                await self._outbox.put(connection, "customer", "updated", id=customer.id, event=event)
            return customer, customer_token(customer)
