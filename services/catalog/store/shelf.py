"""Things of one kind in a table of their own, by id."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Row, Table, all_, any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.store.arrays import texts
from catalog.store.body import Body
from kit.paging import Page


class Identified(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


class Shelf(Generic[T]):
    """The things of one kind, as rows of a table with the key `id`."""

    def __init__(
        self, table: Table, *, to_row: Callable[[T], dict[str, object]], from_row: Callable[[Row[Any]], T]
    ) -> None:
        self.table = table
        self._to_row = to_row
        self._from_row = from_row

    async def get(self, connection: AsyncConnection, id: str, *, lock: bool = False) -> T | None:
        """The thing, or None; with `lock` until the transaction's end."""
        query = select(self.table).where(self.table.c.id == id)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return None if row is None else self._from_row(row)

    async def get_all(
        self, connection: AsyncConnection, ids: Collection[str], *, lock: bool = False
    ) -> Mapping[str, T]:
        """Those that exist, by id; with `lock` until the transaction's end, taken in the order of the ids."""
        query = select(self.table).where(self.table.c.id == any_(texts(ids))).order_by(self.table.c.id)
        rows = await connection.execute(query.with_for_update() if lock else query)
        return {row.id: self._from_row(row) for row in rows}

    async def count_except(self, connection: AsyncConnection, ids: Collection[str]) -> int:
        """How many others there are."""
        query = select(func.count()).select_from(self.table).where(self.table.c.id != all_(texts(ids)))
        return int((await connection.execute(query)).scalar_one())

    async def ids_except(self, connection: AsyncConnection, ids: Collection[str], *, limit: int) -> Sequence[str]:
        """The first ids of all others, in order."""
        query = select(self.table.c.id).where(self.table.c.id != all_(texts(ids)))
        return (await connection.execute(query.order_by(self.table.c.id).limit(limit))).scalars().all()

    async def add(self, connection: AsyncConnection, thing: T) -> bool:
        """Stores a new thing; False, and nothing, where the id is taken."""
        statement = insert(self.table).values(self._to_row(thing)).on_conflict_do_nothing()
        return (await connection.execute(statement.returning(self.table.c.id))).one_or_none() is not None

    async def add_all(self, connection: AsyncConnection, things: Sequence[T]) -> None:
        """Stores new things."""
        if things:
            await connection.execute(insert(self.table), [self._to_row(thing) for thing in things])

    async def replace_all(self, connection: AsyncConnection, things: Sequence[T]) -> None:
        """Stores what locked things have become."""
        if things:
            statement = update(self.table).where(self.table.c.id == bindparam("key"))
            await connection.execute(statement, [self._to_row(thing) | {"key": thing.id} for thing in things])

    async def list_page(self, connection: AsyncConnection, page: Page, **where: str) -> Sequence[T]:
        """One more than the page holds, where there are more; only those whose columns have these values."""
        query = select(self.table).order_by(self.table.c.id).limit(page.size + 1)
        for name, value in where.items():
            query = query.where(self.table.c[name] == value)
        if page.after:
            query = query.where(self.table.c.id > page.after[0])
        return [self._from_row(row) for row in await connection.execute(query)]


def shelf_of_bodies(table: Table, body: Body[T]) -> Shelf[T]:
    """The things of a kind whose table has nothing but `id` and `body`."""
    return Shelf(
        table,
        to_row=lambda thing: {"id": thing.id, "body": body.write(thing)},
        from_row=lambda row: body.read(row.body),
    )
