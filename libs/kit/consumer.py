"""Durable consumers: facts of other contexts become commands of this one.

The consumer pauses while the database or an owner is away: nothing is counted then. Only a fault of the message itself is
counted, in our own table, and ends as a dead letter with an alert; JetStream's own limit would drop it silently.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from google.protobuf.message import Message
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, Table, Text, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from kernel.errors import ErrorKind, TollkeeperError
from kit.broker import Broker, ensure_stream, stream_name
from kit.db import Database
from kit.logs import request_id

log = structlog.get_logger()

# Messages fetched at a time; they are handled one after another, in order. What a killed process had fetched comes again
# only after the acknowledgement time: few at a time, and not for long.
BATCH = 20
ACK_SECONDS = 5
# A message that failed so often by its own fault is set aside.
MAX_FAULTS = 5
# How long messages are asked for at a time. A broker that comes back knows of no question asked before: so they are asked for
# again soon.
FETCH_SECONDS = 0.5
# The same before the first catch-up, which the service's readiness waits for.
FIRST_FETCH_SECONDS = 0.1
# How long the consumer pauses while something it needs is away.
PAUSE_SECONDS = 0.5

M = TypeVar("M", bound=Message)
Handle = Callable[[bytes], Awaitable[None]]


def dead_letter_table(metadata: MetaData) -> Table:
    """The table ``dead_letter``, for a service's ``tables.py`` and its first migration."""
    return Table(
        "dead_letter",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Text, primary_key=True),
        Column("subject", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("faults", Integer, nullable=False),
        Column("error", Text, nullable=False),
        Column("update_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


def handler(message_type: type[M], handle: Callable[[M], Awaitable[None]]) -> tuple[str, Handle]:
    """Pairs an event type's name with what is done about it, for `Consumer`."""

    async def decode_and_handle(payload: bytes) -> None:
        await handle(message_type.FromString(payload))

    return message_type.DESCRIPTOR.full_name, decode_and_handle


class Consumer:
    """Reads one context's stream under one durable name, shared by all replicas of a service."""

    def __init__(
        self,
        broker: Broker,
        database: Database,
        *,
        stream: str,
        durable: str,
        handlers: Mapping[str, Handle],
        dead_letters: Table,
    ) -> None:
        self._broker = broker
        self._database = database
        self._stream = stream
        self._durable = durable
        self._handlers = handlers
        self._dead_letters = dead_letters
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Consumes until canceled; `caught_up` is set once everything that was announced before is handled, here or elsewhere."""
        await ensure_stream(self._broker, self._stream)
        config = ConsumerConfig(
            durable_name=self._durable,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_SECONDS,
            max_deliver=-1,
            max_ack_pending=BATCH,
        )
        subscription = await self._broker.jetstream.pull_subscribe(
            f"tollkeeper.{self._stream}.>", durable=self._durable, stream=stream_name(self._stream), config=config
        )
        newest = (await self._broker.jetstream.stream_info(stream_name(self._stream))).state.last_seq
        while True:
            if not self.caught_up.is_set():
                await self._look_whether_caught_up(subscription, newest)
            seconds = FETCH_SECONDS if self.caught_up.is_set() else FIRST_FETCH_SECONDS
            try:
                messages = await subscription.fetch(BATCH, timeout=seconds)
            except TimeoutError:  # The client raises its own, or at one place the standard library's, above it.
                continue
            # The client gives none at all where a request ran out just as it was answered.
            for number, message in enumerate(messages):
                await self._settle(message, waiting=messages[number:])

    async def _look_whether_caught_up(self, subscription: JetStreamContext.PullSubscription, newest: int) -> None:
        """What another replica took counts once it is acknowledged: who took it may be dead."""
        info = await subscription.consumer_info()
        floor = 0 if info.ack_floor is None else info.ack_floor.stream_seq
        if floor >= newest or (info.num_pending == 0 and info.num_ack_pending == 0):
            self.caught_up.set()

    async def _settle(self, message: Msg, *, waiting: Sequence[Msg]) -> None:
        headers = message.headers or {}
        request_id.set(headers.get("tollkeeper-request-id", ""))
        handle = self._handlers.get(headers.get("ce-type", ""))
        while handle is not None:
            try:
                await handle(message.data)
                break
            except Exception as error:
                if not _is_away(error) and await self._count_fault(message, error) >= MAX_FAULTS:
                    log.exception("dead_letter", subject=message.subject, event_id=headers.get("ce-id"))
                    break
                log.warning("consumer_paused", subject=message.subject, error=repr(error))
                for unhandled in waiting:
                    await unhandled.in_progress()
                await asyncio.sleep(PAUSE_SECONDS)
        await message.ack()

    async def _count_fault(self, message: Msg, error: Exception) -> int:
        headers = message.headers or {}
        table = self._dead_letters
        statement = insert(table).values(
            consumer=self._durable,
            event_id=headers.get("ce-id", str(message.metadata.sequence.stream)),
            subject=message.subject,
            payload=message.data,
            faults=1,
            error=repr(error),
        )
        upsert = statement.on_conflict_do_update(
            index_elements=[table.c.consumer, table.c.event_id],
            set_={"faults": table.c.faults + 1, "error": repr(error), "update_time": func.now()},
        ).returning(table.c.faults)
        async with self._database.write() as connection:
            faults: Any = (await connection.execute(upsert)).scalar_one()
        return int(faults)


def _is_away(error: Exception) -> bool:
    match error:
        case TollkeeperError():
            return error.kind in {ErrorKind.UNAVAILABLE, ErrorKind.ABORTED, ErrorKind.DEADLINE_EXCEEDED}
        case OperationalError() | InterfaceError() | PoolTimeoutError() | TimeoutError():
            return True
        case _:
            return False
