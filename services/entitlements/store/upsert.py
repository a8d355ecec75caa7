"""The one way in which a neighbour's state is stored: only if it is newer."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection


async def upsert_if_newer(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """Stores the row unless the table holds the thing at the same or a greater revision; whether it was stored."""
    return bool(await upsert_all_if_newer(connection, table, [row]))


async def upsert_all_if_newer(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> Sequence[str]:
    """Stores each row that is newer, in the order of ids so that two writers cannot deadlock; the ids of those stored."""
    if not rows:
        return []
    statement = insert(table).values(sorted(rows, key=lambda row: str(row["id"])))
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={column.name: statement.excluded[column.name] for column in table.c if column.name != "id"},
        where=statement.excluded.revision > table.c.revision,
    )
    return list((await connection.execute(statement.returning(table.c.id))).scalars())
