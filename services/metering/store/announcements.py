"""Events that leave with a transaction on a connection of its own: rows of the outbox, which `kit.outbox.Relay` publishes."""

import uuid
from collections.abc import Sequence

from google.protobuf.message import Message

from kernel.ids import subject_token
from kit.logs import request_id
from metering.store.line import Raw

_PUT = """
INSERT INTO outbox (event_id, subject, type, request_id, payload)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])
"""
_NOTIFY = "NOTIFY outbox"


async def put(connection: Raw, thing: str, verb: str, events: Sequence[tuple[str, Message]]) -> None:
    """Adds events as (id, message) with subjects ``tollkeeper.metering.<thing>.<verb>.<id>``, to be published in this order."""
    rows = (
        [str(uuid.uuid4()) for _ in events],
        [f"tollkeeper.metering.{thing}.{verb}.{subject_token(thing_id)}" for thing_id, _ in events],
        [event.DESCRIPTOR.full_name for _, event in events],
        [request_id.get()] * len(events),
        [event.SerializeToString() for _, event in events],
    )
    await connection.execute(_PUT, rows)
    await connection.execute(_NOTIFY)
