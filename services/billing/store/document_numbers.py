"""Gapless numbers of invoices and credit notes."""

from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.store import tables

_TABLE = tables.document_counter


class DocumentKind(StrEnum):
    """What is numbered, each kind by itself."""

    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"


async def take(connection: AsyncConnection, kind: DocumentKind, count: int) -> range:
    """The next numbers. Whoever takes them holds up everybody else who does until the transaction ends: take them last."""
    statement = update(_TABLE).where(_TABLE.c.kind == kind).values(last=_TABLE.c.last + count).returning(_TABLE.c.last)
    last = int((await connection.execute(statement)).scalar_one())
    return range(last - count + 1, last + 1)
