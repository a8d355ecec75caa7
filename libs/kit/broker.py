"""NATS: one connection a process, and one JetStream stream a context."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

log = structlog.get_logger()

# Streams are not archives: a projection that slept longer is rebuilt from its owner's List RPCs.
STREAM_MAX_AGE_SECONDS = 30 * 24 * 3600


# A broker that is there and silent is left after three of these; the client's own two minutes are longer than any outage.
PING_SECONDS = 2
# How long JetStream's answer to a question of ours is waited for, and a connection.
ANSWER_SECONDS = 2
RECONNECT_SECONDS = 0.1

T = TypeVar("T")


class AnswerLostError(Exception):
    """The connection was lost and made anew: nobody answers what was asked before."""


class Broker:
    """A connection that reconnects for ever."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=ANSWER_SECONDS)
        self._reconnected = asyncio.Event()

    def note_reconnection(self) -> None:
        """Tells those who wait for answers."""
        self._reconnected.set()
        self._reconnected = asyncio.Event()

    async def answered(self, question: Coroutine[Any, Any, T]) -> T:
        """The question's outcome; it is canceled when its answer cannot come any more.

        Raises:
            AnswerLostError: Ask again. What was asked for may have been done.
        """
        asking = asyncio.ensure_future(question)
        lost = asyncio.ensure_future(self._reconnected.wait())
        try:
            await asyncio.wait([asking, lost], return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise AnswerLostError
            return asking.result()
        finally:
            asking.cancel()
            lost.cancel()

    async def close(self) -> None:
        """Sends what is buffered and closes the connection.

        The client's own drain waits half a minute for messages that nobody will read any more.
        """
        if self.client.is_connected:
            with contextlib.suppress(nats.errors.Error):
                await self.client.flush(timeout=1)
        # A connection that the broker has ended already cannot be flushed, and needs not be.
        with contextlib.suppress(OSError):
            await self.client.close()


async def connect(url: str, name: str) -> Broker:
    """Connects to the broker, waiting for it as long as it takes."""
    last = ""
    broker: Broker | None = None

    async def on_error(error: Exception) -> None:
        nonlocal last
        if repr(error) != last:  # Ten tries a second would flood the log with one sentence.
            last = repr(error)
            log.warning("broker_error", error=last)

    async def on_connection() -> None:
        nonlocal last
        last = ""
        log.info("broker_reconnected")
        if broker is not None:
            broker.note_reconnection()

    client = await nats.connect(
        url,
        name=name,
        reconnect_time_wait=RECONNECT_SECONDS,
        connect_timeout=ANSWER_SECONDS,
        ping_interval=PING_SECONDS,
        max_reconnect_attempts=-1,
        allow_reconnect=True,
        error_cb=on_error,
        reconnected_cb=on_connection,
    )
    broker = Broker(client)
    return broker


def stream_name(context: str) -> str:
    """The name of a context's stream: ``tollkeeper_catalog``."""
    return f"tollkeeper_{context}"


async def ensure_stream(broker: Broker, context: str) -> None:
    """Makes the context's stream, or leaves the one that is there."""
    config = StreamConfig(
        name=stream_name(context),
        subjects=[f"tollkeeper.{context}.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=STREAM_MAX_AGE_SECONDS,
        duplicate_window=120,
    )
    try:
        await broker.jetstream.add_stream(config)
    except nats.js.errors.BadRequestError:
        # It exists with another configuration: an operator's business, such as replicas.
        await broker.jetstream.stream_info(stream_name(context))
