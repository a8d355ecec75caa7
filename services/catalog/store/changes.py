"""What every change of the catalog takes: its place in the order of changes, and its revisions."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.store import tables

# Any constant serves: the catalog has a database of its own.
_CATALOG_LOCK = 7_401_002


async def lock_shared(connection: AsyncConnection) -> None:
    """Keeps a whole document from being applied until the transaction's end. Other changes go on beside this one."""
    await connection.execute(select(func.pg_advisory_xact_lock_shared(_CATALOG_LOCK)))


async def lock_catalog(connection: AsyncConnection) -> None:
    """Keeps everything else from changing until the transaction's end: what a document was compared with stays so."""
    await connection.execute(select(func.pg_advisory_xact_lock(_CATALOG_LOCK)))


async def next_revision(connection: AsyncConnection) -> int:
    """A revision greater than every one before."""
    return int((await connection.execute(select(tables.revision.next_value()))).scalar_one())


async def next_revisions(connection: AsyncConnection, count: int) -> Iterator[int]:
    """As many revisions, ascending, each greater than every one before."""
    numbers = select(func.nextval("revision")).select_from(func.generate_series(1, count))
    return iter(sorted((await connection.execute(numbers)).scalars()))
