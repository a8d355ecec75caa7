"""Many rows in one statement: a renewal's share of it costs a third of a statement of its own.

The rows travel as one JSON document, which PostgreSQL reads as rows of the table.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Table, Text, any_, literal, text
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, object]


def among(column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Whether the column holds one of the values, in a statement that is the same for any number of them."""
    return column == any_(literal(list(values), ARRAY(Text)))


async def insert_all(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts rows, all with the same columns, in their order."""
    if not rows:
        return
    names = ", ".join(rows[0])
    statement = f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_rows_of(table)}"
    await connection.execute(text(statement), {"rows": _document(rows)})


async def update_all(connection: AsyncConnection, table: Table, rows: Sequence[Row], *, columns: Sequence[str]) -> None:
    """Sets the columns of the rows with these ids, which are locked."""
    if not rows:
        return
    changes = ", ".join(f"{name} = changed.{name}" for name in columns)
    statement = (
        f"UPDATE {table.name} SET {changes} FROM {_rows_of(table)} AS changed WHERE changed.id = {table.name}.id"
    )
    await connection.execute(text(statement), {"rows": _document(rows)})


def _rows_of(table: Table) -> str:
    return f"json_populate_recordset(NULL::{table.name}, :rows)"


def _document(rows: Sequence[Row]) -> str:
    return json.dumps(rows, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} is not stored in bulk")
