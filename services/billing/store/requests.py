"""First outcomes of requests that carry a `request_id`."""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.store import tables

_TABLE = tables.request


@dataclass(frozen=True, slots=True)
class FirstOutcome:
    """What a request id was used for: the request's fingerprint and the response to it."""

    fingerprint: bytes
    response: bytes


async def get(connection: AsyncConnection, request_id: str) -> FirstOutcome | None:
    """The first outcome, or None where the id is free."""
    row = (await connection.execute(select(_TABLE).where(_TABLE.c.id == request_id))).one_or_none()
    return None if row is None else FirstOutcome(row.fingerprint, row.response)


async def claim(connection: AsyncConnection, request_id: str, fingerprint: bytes) -> bool:
    """Takes the id for this transaction, waiting for one that is taking it; False where it is used."""
    values = {"id": request_id, "fingerprint": fingerprint, "response": b""}
    statement = insert(_TABLE).values(values).on_conflict_do_nothing().returning(_TABLE.c.id)
    return (await connection.execute(statement)).one_or_none() is not None


async def keep_response(connection: AsyncConnection, request_id: str, response: bytes) -> None:
    """Stores the outcome of a claimed id; it becomes visible with everything else of the transaction."""
    await connection.execute(update(_TABLE).where(_TABLE.c.id == request_id).values(response=response))
