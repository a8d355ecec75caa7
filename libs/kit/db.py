"""PostgreSQL: one engine a service, and transactions that are either for reading or for writing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

# A statement that runs longer than this is a fault; the caller's deadline has long passed.
STATEMENT_TIMEOUT_SECONDS = 60
# A connection that is idle within a transaction for so long belongs to a stuck process; it must not hold locks.
IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 60


class Database:
    """A pool of connections to the service's own database."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        options = (
            f"-c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s"
            f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_SECONDS}s -c timezone=UTC"
        )
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            connect_args={"options": options, "connect_timeout": 5},
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A read-only transaction that sees one snapshot; ends without a trace."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        async with self.engine.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()
