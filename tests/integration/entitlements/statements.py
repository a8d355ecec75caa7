"""Counts what the service, which runs in this process, does to its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@dataclass
class Statements:
    """How many statements were run, how many of them read tables, and how many rows others wrote."""

    total: int = 0
    reads: int = 0
    rows_written: int = 0


@contextmanager
def counted(*, beside: tuple[str, ...] = ()) -> Iterator[Statements]:
    """Counts the statements of every engine within the block, but for those that name one of the tables `beside`."""
    statements = Statements()

    def ran(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if any(table in statement for table in beside):
            return
        statements.total += 1
        if statement.startswith("SELECT") and "FROM" in statement:
            statements.reads += 1
        elif statement.startswith(("INSERT", "UPDATE", "DELETE")):
            statements.rows_written += cursor.rowcount

    event.listen(Engine, "after_cursor_execute", ran)
    try:
        yield statements
    finally:
        event.remove(Engine, "after_cursor_execute", ran)
