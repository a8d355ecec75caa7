"""The yardstick of renewals: the same rows, and nothing else.

What the renewals of a round wrote is read from their database and written into one like it, over one connection and in transactions
as large as theirs: COPY of invoices, lines and events into the same tables with the same indexes, constraints and triggers, and one
UPDATE of the subscriptions from a COPY.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from billing.store import tables
from billing.store.subscriptions import CHANGING, FIXED

_SUBSCRIPTION = ", ".join(("id", *CHANGING))
_SET = ", ".join(f"{name} = staged.{name}" for name in CHANGING)
_OUTBOX = ", ".join(column.name for column in tables.outbox.c if column.name != "id")
_OF_INVOICES = "FROM invoice WHERE number BETWEEN {first} AND {last} ORDER BY number"
_READ = {
    "invoice": f"SELECT * {_OF_INVOICES}",
    "invoice_line": (
        f"SELECT invoice_line.* FROM (SELECT id, number AS ordered {_OF_INVOICES}) AS chosen"
        " JOIN invoice_line ON invoice_id = id ORDER BY ordered, position"
    ),
    "staged": (
        f"SELECT {_SUBSCRIPTION} FROM subscription WHERE id IN (SELECT subscription_id {_OF_INVOICES}) ORDER BY id"
    ),
    # Every renewal announces as many events.
    f"outbox ({_OUTBOX})": f"SELECT {_OUTBOX} FROM outbox ORDER BY id OFFSET {{events}} * {{place}} LIMIT {{events}} * {{count}}",
}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one transaction, as COPY takes them: by table."""

    count: int
    by_table: dict[str, bytes]


def read_rows(conninfo: str, *, seeded: int, before: int, size: int) -> Sequence[Rows]:
    """What was written after `before` invoices, of which `seeded` have no events, in transactions of so many renewals."""
    chunks = []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("SELECT (SELECT max(number) FROM invoice), (SELECT count(*) FROM outbox)").fetchone()
        assert row is not None
        last, events = row
        each = events // (last - seeded)
        for first in range(before + 1, last + 1, size):
            count = min(size, last + 1 - first)
            place = {
                "first": first,
                "last": first + count - 1,
                "events": each,
                "place": first - seeded - 1,
                "count": count,
            }
            chunks.append(
                Rows(count, {table: _copied(connection, query.format(**place)) for table, query in _READ.items()})
            )
    return chunks


def write_rows(conninfo: str, chunks: Sequence[Rows]) -> float:
    """Writes them; renewals a second."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE staged (LIKE subscription)")
        for name in FIXED:
            connection.execute(f"ALTER TABLE staged ALTER {name} DROP NOT NULL")
        began = time.perf_counter()
        _write(connection, chunks)
        return sum(chunk.count for chunk in chunks) / (time.perf_counter() - began)


def _write(connection: psycopg.Connection, chunks: Sequence[Rows]) -> None:
    for chunk in chunks:
        with connection.transaction(), connection.cursor() as cursor:
            for table, data in chunk.by_table.items():
                target = f"staged ({_SUBSCRIPTION})" if table == "staged" else table
                with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                    copy.write(data)
            cursor.execute(
                f"UPDATE subscription SET {_SET}, lease_time = NULL FROM staged WHERE staged.id = subscription.id"
            )
            cursor.execute("TRUNCATE staged")


def _copied(connection: psycopg.Connection, query: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        return b"".join(bytes(block) for block in copy)
