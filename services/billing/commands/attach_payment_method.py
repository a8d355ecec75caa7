"""Lets a customer's automatic payments be taken from a payment method."""

from dataclasses import replace

from billing.clients.payment_provider import Payer, PaymentProvider
from billing.commands.customer_time import present
from billing.commands.pay_invoice import provider_not_configured
from billing.domain.customer import Customer, customer_not_found
from billing.messages.customer import customer_to_proto
from billing.store import customers, revisions
from kernel.clock import Clock
from kernel.errors import FieldViolation, invalid
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events

_LONGEST = 256


class AttachPaymentMethod:
    """Makes the customer known to the provider, attaches the payment method, then stores both names."""

    def __init__(self, database: Database, outbox: Outbox, provider: PaymentProvider | None, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._provider = provider
        self._clock = clock

    async def __call__(self, customer_id: str, payment_method_id: str) -> Customer:
        """The customer with its payment method.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `CUSTOMER_NOT_FOUND`; `PROVIDER_NOT_CONFIGURED`; `PAYMENT_METHOD_REFUSED`;
                `DEPENDENCY_UNAVAILABLE`; `TEST_CLOCK_ADVANCING`.
        """
        if not 1 <= len(payment_method_id) <= _LONGEST or not payment_method_id.isprintable():
            message = f"must have 1 to {_LONGEST} characters, as the provider named it: pm_…"
            raise invalid(FieldViolation("payment_method_id", message))
        async with self._database.read() as connection:
            customer = await customers.get(connection, customer_id)
        if customer is None:
            raise customer_not_found(customer_id)
        if self._provider is None:
            raise provider_not_configured()
        known = customer.provider_customer_id or await self._provider.make_customer(_payer(customer))
        attached = await self._provider.attach_payment_method(known, payment_method_id)
        return await self._store(customer_id, known, attached)

    async def _store(self, customer_id: str, known: str, attached: str) -> Customer:
        async with self._database.write() as connection:
            here = await present(connection, customer_id, clock=self._clock, lock=True)
            # Made known twice in one moment, the later one stands, with the payment method that is attached to it.
            changed = replace(here.customer, provider_customer_id=known, payment_method_id=attached)
            if changed == here.customer:
                return here.customer
            changed = replace(changed, revision=await revisions.take(connection))
            await customers.save(connection, changed)
            event = events.CustomerUpdated(customer=customer_to_proto(changed))
            await self._outbox.put(connection, "customer", "updated", id=customer_id, event=event)
            return changed


def _payer(customer: Customer) -> Payer:
    return Payer(customer.id, customer.create_time, customer.display_name, customer.email)
