"""Notes that something about a customer could not be understood, so that nothing is denied in ignorance of it."""

from entitlements.store import customers
from entitlements.store.notices import NoticeKind, announce
from kit.db import Database


class DoubtCustomer:
    """Makes the next load of a customer ask its owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, customer_id: str) -> None:
        """From now on the customer's subscriptions are not taken to be all known here."""
        async with self._database.write() as connection:
            await customers.doubt(connection, customer_id)
            await announce(connection, NoticeKind.CUSTOMER, customer_id)
