"""Which grant a request made: a repeated one answers the same grant."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.store import tables

_TABLE = tables.request


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """What a request id was used for."""

    fingerprint: bytes
    customer_id: str
    promotional_grant_id: str


async def claim(connection: AsyncConnection, request_id: str, first: FirstRequest) -> FirstRequest | None:
    """Takes the id for this transaction, waiting for one that is taking it; what it was used for where it is taken."""
    row = {
        "id": request_id,
        "fingerprint": first.fingerprint,
        "customer_id": first.customer_id,
        "promotional_grant_id": first.promotional_grant_id,
    }
    claiming = insert(_TABLE).values(row).on_conflict_do_nothing().returning(_TABLE.c.id)
    if (await connection.execute(claiming)).one_or_none() is not None:
        return None
    used = (await connection.execute(select(_TABLE).where(_TABLE.c.id == request_id))).one()
    return FirstRequest(used.fingerprint, used.customer_id, used.promotional_grant_id)
