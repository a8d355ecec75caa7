"""Stores a test clock as billing tells of it, only if that is newer, and tells every replica after the commit."""

from entitlements.domain.customer import TestClock
from entitlements.store import customers
from entitlements.store.notices import NoticeKind, announce
from kit.db import Database


class ApplyTestClock:
    """Stores a test clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, clock: TestClock) -> None:
        """Stores it if it is newer."""
        async with self._database.write() as connection:
            if await customers.put_clock(connection, clock):
                await announce(connection, NoticeKind.TEST_CLOCK, clock.id)
