"""PostgreSQL: one engine a service, and transactions that are either for reading or for writing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

# A statement that runs longer than this is a fault; the caller's deadline has long passed.
STATEMENT_TIMEOUT_SECONDS = 60
# A server that is gone without a word, such as behind a broken network, is noticed after seconds: the kernel alone would wait
# for a quarter of an hour, and after a minute's silence ask the returned server only once a minute.
CONNECT_SECONDS = 3
_TCP_OPTIONS: Final = {
    "connect_timeout": str(CONNECT_SECONDS),
    "tcp_user_timeout": "5000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}
# A connection that is idle within a transaction for so long belongs to a stuck process; it must not hold locks.
IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 60


def conninfo(url: str) -> str:
    """The address in the words of psycopg, for a connection beside the pool that notices a broken network as soon as the pool does."""
    parsed = make_url(url).set(drivername="postgresql").update_query_dict(_TCP_OPTIONS)
    return parsed.render_as_string(hide_password=False)


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
            connect_args={"options": options, **_TCP_OPTIONS},
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
