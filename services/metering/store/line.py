"""A connection of its own for a gatherer's transactions: raw psycopg, because ingest spends a tenth of its time per statement layer."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.errors import ErrorKind, TollkeeperError
from kit.db import IDLE_IN_TRANSACTION_TIMEOUT_SECONDS, STATEMENT_TIMEOUT_SECONDS, conninfo

log = structlog.get_logger()

Raw: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Rows: TypeAlias = psycopg.AsyncCursor[tuple[Any, ...]]

_OPTIONS = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s"
    f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_SECONDS}s"
    # Statements here find rows by their keys, always: compiling one costs more than it saves, and a plan that was made
    # while a table was empty must not go on reading all of it.
    " -c timezone=UTC -c jit=off -c enable_seqscan=off"
)


class ConcurrentWriteError(Exception):
    """Another transaction came first; nothing was written, and the same again will do."""


@contextmanager
def plain_faults() -> Iterator[None]:
    """Gives psycopg's errors within the block their meaning.

    Raises:
        TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the database is away, or was lost in the middle.
        ConcurrentWriteError: Run it again.
    """
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        # Nothing to worry about: callers count on it.
        raise ConcurrentWriteError from error
    except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected) as error:
        log.warning("transaction_runs_again", error=type(error).__name__)
        raise ConcurrentWriteError from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        log.warning("database_unavailable", error=str(error))
        raise TollkeeperError(
            ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "The store cannot be reached. Retry with backoff."
        ) from error


class Line:
    """One connection, opened at first use and again after it broke; one transaction at a time."""

    def __init__(self, url: str, *, on_connect: str = "") -> None:
        """`on_connect` is run once for each connection."""
        self._conninfo = conninfo(url)
        self._on_connect = on_connect
        self._connection: Raw | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Raw]:
        """Commits when the block ends and rolls back when it raises.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the database is away, or was lost in the middle.
            ConcurrentWriteError: Run it again.
        """
        with plain_faults():
            connection = await self._begun()
            try:
                yield connection
                await connection.execute("COMMIT")
            except BaseException:
                await self._undo(connection)
                raise

    @asynccontextmanager
    async def pipelined(self) -> AsyncIterator[Raw]:
        """As `transaction`, with statements sent one behind the other: only reading a result waits for the server. So a statement's
        fault may show with a later one, or at the end. COPY is not possible.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the database is away.
            ConcurrentWriteError: Run it again; it may be committed, if the connection was lost in the middle.
        """
        with plain_faults():
            known = self._connection
            connection = known or await self._open()
            try:
                async with connection.pipeline():
                    await connection.execute("BEGIN")
                    yield connection
                    await connection.execute("COMMIT")
            except BaseException as error:
                await self._undo(connection)
                if known is not None and connection.closed and isinstance(error, psycopg.Error):
                    # The server was away since the last transaction, or went just now: another connection will tell.
                    raise ConcurrentWriteError from error
                raise

    async def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _begun(self) -> Raw:
        if self._connection is not None:
            try:
                await self._connection.execute("BEGIN")
            except (psycopg.OperationalError, psycopg.InterfaceError):
                # The server was away since the last transaction, and nobody has lost anything by it.
                await self.close()
            else:
                return self._connection
        connection = await self._open()
        await connection.execute("BEGIN")
        return connection

    async def _open(self) -> Raw:
        self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True, options=_OPTIONS)
        if self._on_connect:
            await self._connection.execute(self._on_connect)
        return self._connection

    async def _undo(self, connection: Raw) -> None:
        try:
            await connection.execute("ROLLBACK")
        except psycopg.Error:
            # It is of no further use; the server rolls back what it lost sight of.
            await self.close()


async def raw_of(connection: AsyncConnection) -> Raw:
    """The psycopg connection within SQLAlchemy's, in the same transaction."""
    raw: Any = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)  # noqa: S101 - the only driver that the settings allow.
    return raw
