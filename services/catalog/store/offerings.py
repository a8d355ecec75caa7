"""Plans and add-ons in the store: each with its open draft, and with its published versions, which never change."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Table, and_, any_, delete, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.content import Content
from catalog.domain.offering import O, Offering, V
from catalog.domain.offering_kind import OfferingKind
from catalog.store.arrays import texts
from catalog.store.body import Body
from catalog.store.shelf import Shelf

C = TypeVar("C", bound=Content)


class Offerings(Shelf[O], Generic[O, C, V]):
    """The plans, or the add-ons.

    Attributes:
        kind: Which of the two.
        make: The class of an offering.
        make_version: The class of a version.
    """

    def __init__(
        self,
        make: type[O],
        make_version: type[V],
        *,
        table: Table,
        drafts: Table,
        versions: Table,
        content: Body[C],
        version: Body[V],
    ) -> None:
        super().__init__(table, to_row=offering_to_row, from_row=lambda row: offering_from_row(make, row))
        self.kind: OfferingKind = make.kind
        self.make = make
        self.make_version = make_version
        self._drafts = drafts
        self._versions = versions
        # The column that holds the offering's id.
        self._draft_id = drafts.c[f"{make.kind.field}_id"]
        self._version_id = versions.c[f"{make.kind.field}_id"]
        self._content = content
        self._version = version

    async def get_draft(self, connection: AsyncConnection, id: str) -> C | None:
        """The content of the open draft, or None."""
        return (await self.get_drafts(connection, [id])).get(id)

    async def get_drafts(self, connection: AsyncConnection, ids: Collection[str]) -> Mapping[str, C]:
        """The contents of those that have an open draft, by id."""
        rows = await connection.execute(select(self._drafts).where(self._draft_id == any_(texts(ids))))
        return {row[0]: self._content.read(row.body) for row in rows}

    async def put_draft(self, connection: AsyncConnection, id: str, content: C) -> None:
        """Stores the content of a locked offering's draft."""
        body = self._content.write(content)
        statement = insert(self._drafts).values({self._draft_id: id, self._drafts.c.body: body})
        await connection.execute(statement.on_conflict_do_update(index_elements=[self._draft_id], set_={"body": body}))

    async def delete_draft(self, connection: AsyncConnection, id: str) -> None:
        """Throws a locked offering's draft away."""
        await connection.execute(delete(self._drafts).where(self._draft_id == id))

    async def get_version(self, connection: AsyncConnection, id: str, number: int) -> V | None:
        """One published version, or None."""
        query = select(self._versions.c.body).where(self._version_id == id, self._versions.c.version == number)
        body = (await connection.execute(query)).scalar_one_or_none()
        return None if body is None else self._version.read(body)

    async def get_latest(self, connection: AsyncConnection, ids: Collection[str]) -> Mapping[str, V]:
        """The newest version of those that have one, by the offering's id."""
        newest = and_(self.table.c.id == self._version_id, self.table.c.latest_version == self._versions.c.version)
        query = select(self._versions).join(self.table, newest).where(self._version_id == any_(texts(ids)))
        return {row[0]: self._version.read(row.body) for row in await connection.execute(query)}

    async def add_versions(self, connection: AsyncConnection, versions: Sequence[V]) -> None:
        """Stores new versions."""
        if versions:
            rows = [
                {self._version_id.name: each.id, "version": each.version, "body": self._version.write(each)}
                for each in versions
            ]
            await connection.execute(plain_insert(self._versions), rows)

    async def list_versions(self, connection: AsyncConnection, id: str, *, before: int, limit: int) -> Sequence[V]:
        """Versions with a smaller number, newest first."""
        query = select(self._versions.c.body).where(self._version_id == id, self._versions.c.version < before)
        bodies = (await connection.execute(query.order_by(self._versions.c.version.desc()).limit(limit))).scalars()
        return [self._version.read(body) for body in bodies]


def offering_to_row(offering: Offering) -> dict[str, object]:
    """The columns of a plan or an add-on, which are named like its parts."""
    return {part.name: getattr(offering, part.name) for part in fields(offering)}


def offering_from_row(make: type[O], row: Row[Any]) -> O:
    """The plan or add-on of a row."""
    return make(**row._mapping)  # noqa: SLF001 - the documented way to a row's columns.
