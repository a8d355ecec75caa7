"""Stores a customer as billing tells of it, only if that is newer, and tells every replica after the commit.

The same command serves the consumer and whoever asks the owner: a fact is a fact, however it was learned.
"""

from entitlements.domain.customer import Customer
from entitlements.store import customers
from entitlements.store.notices import NoticeKind, announce
from kit.db import Database


class ApplyCustomer:
    """Stores a customer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, customer: Customer, *, complete: bool) -> None:
        """Stores it if it is newer. `complete`: all its subscriptions are known here, or it has just been born."""
        async with self._database.write() as connection:
            if await customers.put(connection, customer, complete=complete):
                await announce(connection, NoticeKind.CUSTOMER, customer.id)
