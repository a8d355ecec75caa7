"""Gives a revoked feature back to a customer."""

from entitlements.commands.find_customer import FindCustomer
from entitlements.store import changes, revocations
from entitlements.store.notices import NoticeKind, announce
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.entitlements.v1 import entitlements_events_pb2 as events


class RestoreEntitlement:
    """Restores, and announces it."""

    def __init__(self, database: Database, outbox: Outbox, *, find_customer: FindCustomer) -> None:
        self._database = database
        self._outbox = outbox
        self._find_customer = find_customer

    async def __call__(self, customer_id: str, feature_id: str) -> int:
        """The customer's revision from which on the feature is not revoked; also where it never was.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`, `DEPENDENCY_UNAVAILABLE`: nothing was restored.
        """
        await self._find_customer(customer_id)
        async with self._database.write() as connection:
            revision = await changes.lock_customer(connection, customer_id)
            if not await revocations.remove(connection, customer_id, feature_id):
                return revision
            revision = await changes.change_customer(connection, customer_id, given=True)
            event = events.EntitlementRestored(customer_id=customer_id, feature_id=feature_id, revision=revision)
            await self._outbox.put(connection, "entitlement", "restored", id=customer_id, event=event)
            await announce(connection, NoticeKind.CUSTOMER, customer_id)
            return revision
