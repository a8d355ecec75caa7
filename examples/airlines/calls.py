"""How an application calls Tollkeeper: the generated stubs, one way to repeat a call, and the tokens to carry."""

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.invoice_service_pb2_grpc import InvoiceServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tollkeeper.entitlements.v1.entitlements_service_pb2 import AtLeastAsFresh, Consistency
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub
from tollkeeper.metering.v1.usage_service_pb2_grpc import UsageServiceStub

Request = TypeVar("Request")
Response = TypeVar("Response")

# A server that was restarted is found again at once, not after gRPC's growing minutes.
CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]

# These codes say nothing of the request, only that its answer is not known: the service is away, slow, or has its hands
# full.
TRY_AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}

DEADLINE_SECONDS = 20.0
PATIENCE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 1.0


async def call(method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]", request: Request) -> Response:
    """Calls, and calls again, until there is an answer.

    The request may have been carried out although its answer was lost. That does no harm, because every write of
    Tollkeeper can be sent again unchanged: events and reports carry an idempotency key, changes of a subscription a
    request id, and to create what is there already, or to advance a clock to where it stands, changes nothing.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    pause = 0.05
    while True:
        try:
            return await method(request, timeout=DEADLINE_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() not in TRY_AGAIN or time.monotonic() + pause > give_up:
                raise
        # Up to half as long again, so that callers who were cut off together do not come back together.
        await asyncio.sleep(pause * random.uniform(1, 1.5))  # noqa: S311 - nobody guesses pauses.
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class Tollkeeper:
    """The stubs of the services that an application calls, one channel to each service."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """`addresses` are `host:port` by the names catalog, metering, entitlements and billing."""
        self._channels = {
            name: grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) for name, address in addresses.items()
        }
        self.catalog = CatalogServiceStub(self._channels["catalog"])
        self.events = EventServiceStub(self._channels["metering"])
        self.usage = UsageServiceStub(self._channels["metering"])
        self.entitlements = EntitlementsServiceStub(self._channels["entitlements"])
        self.clocks = TestClockServiceStub(self._channels["billing"])
        self.customers = CustomerServiceStub(self._channels["billing"])
        self.subscriptions = SubscriptionServiceStub(self._channels["billing"])
        self.invoices = InvoiceServiceStub(self._channels["billing"])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for channel in self._channels.values():
            await channel.close()


class Tokens:
    """The newest token of each writer.

    Every write returns a token. A question that carries it is answered with what was written, from whichever replica
    and however soon: instead of waiting until news have got around, one says what one knows.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str | None, str], str] = {}

    def keep(self, writer: str, token: str, *, customer_id: str | None = None) -> None:
        """Replaces the same writer's token for the same customer, or for all. A write that wrote nothing has none."""
        if token:
            self._newest[customer_id, writer] = token

    def of(self, customer_id: str) -> Consistency:
        """Asks for an answer that has seen everything written for the customer."""
        tokens = [token for (owner, _), token in self._newest.items() if owner in {None, customer_id}]
        return Consistency(at_least_as_fresh=AtLeastAsFresh(tokens=tokens)) if tokens else Consistency()


def timestamp(time: datetime) -> Timestamp:
    """The message for an aware time, to the second."""
    return Timestamp(seconds=int(time.timestamp()))
