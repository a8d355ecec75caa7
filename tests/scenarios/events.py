"""What billing announces, read from JetStream as any other application would."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from nats.aio.msg import Msg

from kit import broker
from tollkeeper.billing.v1 import billing_events_pb2

# Longer than any event takes on a busy machine; only a lost one takes so long.
_PATIENCE_SECONDS = 20.0
_CONTRACT = billing_events_pb2.DESCRIPTOR.package


@dataclass(frozen=True, slots=True)
class Announced:
    """An event of a customer: "invoice.finalized" with the whole state."""

    name: str
    message: Any

    @property
    def state(self) -> Any:
        """The thing that it tells of."""
        first = self.message.DESCRIPTOR.fields[0].name
        return getattr(self.message, first)


class EventLog:
    """Every event so far, by customer, in the order of the stream."""

    def __init__(self) -> None:
        self._of: defaultdict[str, list[Announced]] = defaultdict(list)
        self._news = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def following(cls, nats_url: str) -> AsyncIterator[Self]:
        """Reads the stream from its first event on, as long as the block runs."""
        log = cls()
        connected = await broker.connect(nats_url, "scenarios")
        try:
            await broker.ensure_stream(connected, "billing")
            subject = "tollkeeper.billing.>"
            await connected.jetstream.subscribe(subject, ordered_consumer=True, cb=log._keep)
            yield log
        finally:
            await connected.close()

    async def until_customer(self, customer_id: str) -> None:
        """Waits for the customer's first event: everything committed before it was made is then in the log."""
        async with asyncio.timeout(_PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: customer_id in self._of)

    def of(self, customer_id: str) -> list[Announced]:
        """The customer's events."""
        return self._of.get(customer_id, [])

    async def _keep(self, message: Msg) -> None:
        kind = (message.headers or {})["ce-type"]
        thing, verb = message.subject.split(".")[2:4]
        event = _parsed(kind, message.data)
        state = Announced("", event).state
        customer_id = state.id if thing == "customer" else getattr(state, "customer_id", "")
        async with self._news:
            self._of[customer_id].append(Announced(f"{thing}.{verb}", event))
            self._news.notify_all()


def _parsed(kind: str, data: bytes) -> Message:
    assert kind.startswith(_CONTRACT), kind
    descriptor = descriptor_pool.Default().FindMessageTypeByName(kind)
    return message_factory.GetMessageClass(descriptor).FromString(data)
