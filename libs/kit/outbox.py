"""Events leave with the state they tell of: rows written in the same transaction, relayed to JetStream by one leader.

A row is deleted after the broker's acknowledgement; one that the broker refuses is set aside and holds up nothing.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

import nats.errors
import nats.js.errors
import psycopg
import structlog
from google.protobuf.message import Message
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.ids import subject_token
from kit.broker import AnswerLostError, Broker, ensure_stream
from kit.db import Database, conninfo
from kit.logs import request_id

log = structlog.get_logger()

# Rows published at a time: the broker syncs each to disk, so a larger batch only delays the first row's deletion.
BATCH = 200
# How often the table is read although no notification came: the notification is a hint, the table the truth.
POLL_SECONDS = 1.0
# How long to wait before what the broker did not take is offered again.
PAUSE_SECONDS = 0.2
# For so long the broker may take to store an event.
ANSWER_SECONDS = 5
# A leader that did not look for so long is stuck: it loses the lock, and another replica relays. (What the stuck one had in
# hand it may publish once more: it carries the same id.)
STUCK_SECONDS = 15
# Who holds this session lock relays. Any constant serves; each service has a database of its own.
_LEADER_LOCK = 7_401_001
_CHANNEL = "outbox"
_NOTIFY = text(f"NOTIFY {_CHANNEL}")


def outbox_tables(metadata: MetaData) -> tuple[Table, Table]:
    """The tables ``outbox`` and ``outbox_refused``, for a service's ``tables.py`` and its first migration."""

    def columns() -> list[Column[Any]]:
        return [
            Column("event_id", Text, nullable=False),
            Column("subject", Text, nullable=False),
            Column("type", Text, nullable=False),
            Column("request_id", Text, nullable=False),
            Column("payload", LargeBinary, nullable=False),
            Column("create_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
        ]

    outbox = Table("outbox", metadata, Column("id", BigInteger, Identity(always=True), primary_key=True), *columns())
    refused = Table(
        "outbox_refused",
        metadata,
        Column("id", BigInteger, primary_key=True),
        *columns(),
        Column("error", Text, nullable=False),
    )
    return outbox, refused


class Outbox:
    """Where commands put their events, inside their transaction."""

    def __init__(self, context: str, table: Table) -> None:
        self._context = context
        columns = "event_id, subject, type, request_id, payload"
        # One statement for any number of rows: an INSERT for each would cost several times as much.
        self._insert = text(
            f"INSERT INTO {table.name} ({columns})"
            f" SELECT {columns} FROM json_populate_recordset(NULL::{table.name}, :rows)"
        )

    async def put(self, connection: AsyncConnection, thing: str, verb: str, *, id: str, event: Message) -> None:
        """Adds one event with subject ``tollkeeper.<context>.<thing>.<verb>.<id>``."""
        await self.put_all(connection, [(thing, verb, id, event)])

    async def put_all(self, connection: AsyncConnection, events: Sequence[tuple[str, str, str, Message]]) -> None:
        """Adds events as (thing, verb, id, message), to be published in this order."""
        if not events:
            return
        request = request_id.get()
        lines = [
            {
                "event_id": str(uuid.uuid4()),
                "subject": f"tollkeeper.{self._context}.{thing}.{verb}.{subject_token(thing_id)}",
                "type": event.DESCRIPTOR.full_name,
                "request_id": request,
                "payload": f"\\x{event.SerializeToString().hex()}",
            }
            for thing, verb, thing_id, event in events
        ]
        await connection.execute(self._insert, {"rows": json.dumps(lines)})
        await connection.execute(_NOTIFY)


class Relay:
    """Publishes a service's outbox; of many replicas, the one that holds the leader's lock."""

    def __init__(self, context: str, database: Database, broker: Broker, *, table: Table, refused: Table) -> None:
        self._context = context
        self._database = database
        self._broker = broker
        self._table = table
        self._refused = refused

    async def run(self) -> None:
        """Relays until canceled. A lost database or broker ends it with an error; whoever runs it starts it again."""
        await ensure_stream(self._broker, self._context)
        options = f"-c idle_session_timeout={STUCK_SECONDS}s"
        async with await psycopg.AsyncConnection.connect(
            conninfo(self._database.url), autocommit=True, options=options
        ) as leader:
            await leader.execute("SELECT pg_advisory_lock(%s)", (_LEADER_LOCK,))
            await leader.execute(f"LISTEN {_CHANNEL}")
            while True:
                try:
                    settled = await self._relay_batch()
                except _BrokerAwayError as error:
                    log.warning("broker_unavailable", error=str(error))
                    await asyncio.sleep(PAUSE_SECONDS)
                else:
                    if settled < BATCH:
                        await _wait_for_notice(leader)
                # Who still leads says so.
                await leader.execute("SELECT 1")

    async def _relay_batch(self) -> int:
        async with self._database.read() as connection:
            query = select(self._table).order_by(self._table.c.id).limit(BATCH)
            rows = (await connection.execute(query)).all()
        if not rows:
            return 0
        outcomes = await self._publish_all(rows)
        sent = [row.id for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
        refused = [
            (row, outcome)
            for row, outcome in zip(rows, outcomes, strict=True)
            if isinstance(
                outcome, nats.errors.MaxPayloadError | nats.errors.BadSubjectError | nats.js.errors.BadRequestError
            )
        ]
        await self._settle(sent, refused)
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if len(failed) > len(refused):
            raise _BrokerAwayError(f"{len(failed)} events wait: {failed[0]!r}")
        return len(sent) + len(refused)

    async def _publish_all(self, rows: Sequence[Row[Any]]) -> list[BaseException | None]:
        async def publish_all() -> list[BaseException | None]:
            return await asyncio.gather(*(self._publish(row) for row in rows), return_exceptions=True)

        try:
            return await self._broker.answered(publish_all())
        except AnswerLostError as error:
            raise _BrokerAwayError("The connection was lost while events were published.") from error

    async def _publish(self, row: Row[Any]) -> None:
        headers = {
            "Nats-Msg-Id": row.event_id,
            "ce-specversion": "1.0",
            "ce-id": row.event_id,
            "ce-source": f"tollkeeper/{self._context}",
            "ce-type": row.type,
            "ce-time": row.create_time.isoformat(),
            "content-type": "application/protobuf",
            "tollkeeper-request-id": row.request_id,
        }
        await self._broker.jetstream.publish(row.subject, row.payload, timeout=ANSWER_SECONDS, headers=headers)

    async def _settle(self, sent: list[int], refused: list[tuple[Row[Any], Any]]) -> None:
        async with self._database.write() as connection:
            for row, error in refused:
                log.error("event_refused_by_broker", subject=row.subject, event_id=row.event_id, error=repr(error))
                await connection.execute(insert(self._refused).values(**row._mapping, error=repr(error)))  # noqa: SLF001 - the documented way to a row's columns.
            ids = [*sent, *(row.id for row, _ in refused)]
            await connection.execute(delete(self._table).where(self._table.c.id.in_(ids)))


class _BrokerAwayError(Exception):
    """Some events could not be published; they stay in the table."""


async def _wait_for_notice(leader: psycopg.AsyncConnection[Any]) -> None:
    notices = leader.notifies(timeout=POLL_SECONDS, stop_after=1)
    async with contextlib.aclosing(notices):
        async for _ in notices:
            pass
