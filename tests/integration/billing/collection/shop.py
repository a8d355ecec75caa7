"""A running billing that collects by the imitation of Stripe, as a test speaks to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from nats.js.api import ConsumerConfig, DeliverPolicy

from billing.commands.collect_due import CollectDue
from billing.commands.cross_boundaries import CrossBoundaries
from kit.broker import Broker, stream_name
from kit.client import call
from tests.integration.billing.stripe_imitation import StripeImitation
from tests.integration.billing.world import World
from tollkeeper.billing.v1 import (
    customer_pb2,
    customer_service_pb2,
    invoice_pb2,
    invoice_service_pb2,
    payment_attempt_pb2,
    subscription_pb2,
)


@dataclass(slots=True)
class Shop:
    """Billing, its neighbours, Stripe, and the parts that a test drives by hand.

    Attributes:
        collecting: The worker that collects what is due, where there is a provider; its own loop is asleep.
        renewing: The worker that renews, likewise.
        broker: Where events are read.
    """

    world: World
    stripe: StripeImitation
    collecting: CollectDue | None
    renewing: CrossBoundaries | None
    broker: Broker

    @property
    def due(self) -> CollectDue:
        """The worker that collects what is due."""
        assert self.collecting is not None
        return self.collecting

    @property
    def crossing(self) -> CrossBoundaries:
        """The worker that renews."""
        assert self.renewing is not None
        return self.renewing

    async def customer(
        self, customer_id: str, method: str = "pm_card_visa", *, clock_id: str = "", currency: str = ""
    ) -> customer_pb2.Customer:
        """A customer that pays automatically; without a payment method where none is named."""
        automatic = customer_pb2.COLLECTION_METHOD_AUTOMATIC
        customer = customer_pb2.Customer(
            id=customer_id, test_clock_id=clock_id, currency=currency, collection_method=automatic
        )
        request = customer_service_pb2.CreateCustomerRequest(customer=customer)
        made = (await call(self.world.customers.CreateCustomer, request)).customer
        return await self.attach(customer_id, method) if method else made

    async def collect_by_hand(self, customer_id: str) -> None:
        """From now on the customer pays outside Tollkeeper."""
        await self._collection_method(customer_id, customer_pb2.COLLECTION_METHOD_MANUAL)

    async def collect_automatically(self, customer_id: str) -> None:
        """From now on the provider is asked."""
        await self._collection_method(customer_id, customer_pb2.COLLECTION_METHOD_AUTOMATIC)

    async def _collection_method(self, customer_id: str, method: customer_pb2.CollectionMethod.ValueType) -> None:
        request = customer_service_pb2.UpdateCustomerRequest(
            customer=customer_pb2.Customer(id=customer_id, collection_method=method),
            update_mask=FieldMask(paths=["collection_method"]),
        )
        await call(self.world.customers.UpdateCustomer, request)

    async def attach(self, customer_id: str, method: str) -> customer_pb2.Customer:
        """Attaches a payment method."""
        request = customer_service_pb2.AttachPaymentMethodRequest(customer_id=customer_id, payment_method_id=method)
        return (await call(self.world.customers.AttachPaymentMethod, request)).customer

    async def pay(self, invoice_id: str) -> invoice_service_pb2.PayInvoiceResponse:
        """Pays an invoice now."""
        return await call(self.world.invoices.PayInvoice, invoice_service_pb2.PayInvoiceRequest(invoice_id=invoice_id))

    async def void(self, invoice_id: str) -> invoice_pb2.Invoice:
        """Takes an invoice back."""
        request = invoice_service_pb2.VoidInvoiceRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.VoidInvoice, request)).invoice

    async def mark_paid(self, invoice_id: str) -> invoice_pb2.Invoice:
        """Marks an invoice paid."""
        request = invoice_service_pb2.MarkInvoicePaidRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.MarkInvoicePaid, request)).invoice

    async def give_up(self, invoice_id: str) -> invoice_pb2.Invoice:
        """Marks an invoice uncollectible."""
        request = invoice_service_pb2.MarkInvoiceUncollectibleRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.MarkInvoiceUncollectible, request)).invoice

    async def attempts(self, invoice_id: str) -> Sequence[payment_attempt_pb2.PaymentAttempt]:
        """The attempts to collect an invoice."""
        request = invoice_service_pb2.ListPaymentAttemptsRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.ListPaymentAttempts, request)).payment_attempts

    async def invoice(self, invoice_id: str) -> invoice_pb2.Invoice:
        """An invoice as it is."""
        request = invoice_service_pb2.GetInvoiceRequest(invoice_id=invoice_id)
        return (await call(self.world.invoices.GetInvoice, request)).invoice

    def later(self, **more: float) -> None:
        """Lets real time pass."""
        self.world.real_time.time += timedelta(**more)

    async def work(self) -> None:
        """Everything that is due is done: boundaries, attempts, retries, lapses, until nothing is."""
        while await self.crossing.cross_batch() or await self.due.collect_batch():
            pass

    async def subjects(self, at_least: int = 0) -> list[str]:
        """What billing announced so far, as thing and verb, in the order in which it came about; waits for so many."""
        stream = stream_name("billing")
        known = (await self.broker.jetstream.stream_info(stream)).state.messages
        subscription = await self.broker.jetstream.subscribe(
            "tollkeeper.billing.>",
            stream=stream,
            ordered_consumer=True,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
        )
        count = max(at_least, known)
        messages = [await subscription.next_msg(timeout=5) for _ in range(count)]
        await subscription.unsubscribe()
        return [message.subject.removeprefix("tollkeeper.billing.").rpartition(".")[0] for message in messages]

    async def announced(self, *expected: str) -> None:
        """Asserts what billing announced so far."""
        assert await self.subjects(len(expected)) == list(expected)

    def taken(self) -> int:
        """How much money Stripe took, in minor units."""
        return sum(one["amount"] for one in self.stripe.intents.values() if one["status"] == "succeeded")


def state(message: invoice_pb2.Invoice | payment_attempt_pb2.PaymentAttempt | subscription_pb2.Subscription) -> str:
    """How something stands, without the prefix of its enum."""
    match message:
        case invoice_pb2.Invoice():
            return invoice_pb2.InvoiceState.Name(message.state).removeprefix("INVOICE_STATE_")
        case payment_attempt_pb2.PaymentAttempt():
            name = payment_attempt_pb2.PaymentAttemptState.Name(message.state)
            return name.removeprefix("PAYMENT_ATTEMPT_STATE_")
        case _:
            name = subscription_pb2.SubscriptionState.Name(message.state)
            return name.removeprefix("SUBSCRIPTION_STATE_")
