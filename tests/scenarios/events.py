"""What billing announces, read from JetStream as any other application would."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
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
        return self.states[0]

    @property
    def states(self) -> list[Any]:
        """The thing that it tells of, and those that changed with it."""
        return [getattr(self.message, field.name) for field in self.message.DESCRIPTOR.fields]


class EventLog:
    """Every event so far, by customer, in the order of the stream."""

    def __init__(self) -> None:
        self._of: defaultdict[str, list[Announced]] = defaultdict(list)
        self._newest: dict[tuple[str, str], int] = {}
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

    async def until(self, things: Iterable[Any]) -> None:
        """Waits until each of these things was announced as it is, or newer.

        Raises:
            TimeoutError: One of them is not announced.
        """
        awaited = [(_named(thing), thing.revision) for thing in things]
        async with asyncio.timeout(_PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: all(self._newest.get(name, 0) >= revision for name, revision in awaited))

    def of(self, customer_id: str) -> list[Announced]:
        """The customer's events."""
        return self._of.get(customer_id, [])

    async def _keep(self, message: Msg) -> None:
        kind = (message.headers or {})["ce-type"]
        thing, verb = message.subject.split(".")[2:4]
        event = Announced(f"{thing}.{verb}", _parsed(kind, message.data))
        customer_id = event.state.id if thing == "customer" else getattr(event.state, "customer_id", "")
        async with self._news:
            self._of[customer_id].append(event)
            for state in event.states:
                self._newest[_named(state)] = max(state.revision, self._newest.get(_named(state), 0))
            self._news.notify_all()


def _named(thing: Any) -> tuple[str, str]:
    return type(thing).__name__, thing.id


def _parsed(kind: str, data: bytes) -> Message:
    assert kind.startswith(_CONTRACT), kind
    descriptor = descriptor_pool.Default().FindMessageTypeByName(kind)
    return message_factory.GetMessageClass(descriptor).FromString(data)
