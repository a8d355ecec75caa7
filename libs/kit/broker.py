"""NATS: one connection a process, and one JetStream stream a context."""

import contextlib

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

log = structlog.get_logger()

# Streams are not archives: a projection that slept longer is rebuilt from its owner's List RPCs.
STREAM_MAX_AGE_SECONDS = 30 * 24 * 3600


class Broker:
    """A connection that reconnects for ever."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream()

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

    async def on_error(error: Exception) -> None:
        nonlocal last
        if repr(error) != last:  # Ten tries a second would flood the log with one sentence.
            last = repr(error)
            log.warning("broker_error", error=last)

    async def on_connection() -> None:
        nonlocal last
        last = ""
        log.info("broker_reconnected")

    client = await nats.connect(
        url,
        name=name,
        reconnect_time_wait=0.1,
        max_reconnect_attempts=-1,
        allow_reconnect=True,
        error_cb=on_error,
        reconnected_cb=on_connection,
    )
    return Broker(client)


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
