"""Many rows in one statement: a renewal's share of it costs a third of a statement of its own.

New rows travel by COPY, changed ones as one JSON document that PostgreSQL reads as rows of the table.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from sqlalchemy import ARRAY, ColumnElement, Table, Text, any_, literal, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, object]

_ESCAPED: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
# Besides the tab, of which a row has one between any two fields.
_SPECIAL: Final = re.compile(r"[\\\n\r]")
# Stands for no value until a row is escaped; no text of ours holds it, since PostgreSQL stores none that does.
_NOTHING: Final = "\0"
# One for all: making an encoder takes longer than a small value does.
_json: Final = json.JSONEncoder(ensure_ascii=False).encode


def among(column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Whether the column holds one of the values, in a statement that is the same for any number of them."""
    return column == any_(literal(list(values), ARRAY(Text)))


async def insert_all(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts rows, all with the same columns, in their order.

    Raises:
        DBAPIError: As from any statement.
    """
    if not rows:
        return
    statement = f"COPY {table.name} ({', '.join(rows[0])}) FROM STDIN"
    texts = [_json if isinstance(table.c[name].type, JSONB) else str for name in rows[0]]
    data = "".join([_line(row, texts) for row in rows]).encode()
    raw: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with raw.cursor() as cursor, cursor.copy(statement) as copy:
            await copy.write(data)
    except psycopg.Error as error:
        if raw.closed:
            await connection.invalidate(error)
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


async def update_all(connection: AsyncConnection, table: Table, rows: Sequence[Row], *, columns: Sequence[str]) -> None:
    """Sets the columns of the rows with these ids, which are locked."""
    if not rows:
        return
    changes = ", ".join(f"{name} = changed.{name}" for name in columns)
    document = f"json_populate_recordset(NULL::{table.name}, :rows)"
    statement = f"UPDATE {table.name} SET {changes} FROM {document} AS changed WHERE changed.id = {table.name}.id"
    names = ("id", *columns)
    changed = [{name: row[name] for name in names} for row in rows]
    await connection.execute(text(statement), {"rows": json.dumps(changed, default=_plain, ensure_ascii=False)})


def _line(row: Row, texts: Sequence[Callable[[Any], str]]) -> str:
    """A row in COPY's text format."""
    fields = [_NOTHING if value is None else text(value) for text, value in zip(texts, row.values(), strict=True)]
    line = "\t".join(fields)
    if line.count("\t") >= len(fields) or _SPECIAL.search(line):
        line = "\t".join([field.translate(_ESCAPED) for field in fields])
    return line.replace(_NOTHING, r"\N") + "\n"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else format(value, "f")
