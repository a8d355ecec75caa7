"""Takes a feature from a customer, whatever grants it."""

from entitlements.commands.find_customer import FindCustomer
from entitlements.commands.find_feature import FindFeature
from entitlements.domain.promotional_grant import MAX_LIVE, Revocation, too_many
from entitlements.messages.revocation import revocation_to_proto
from entitlements.store import changes, revocations
from entitlements.store.notices import NoticeKind, announce
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.entitlements.v1 import entitlements_events_pb2 as events


class RevokeEntitlement:
    """Revokes, and announces it."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        find_customer: FindCustomer,
        find_feature: FindFeature,
        clock: Clock,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._find_customer = find_customer
        self._find_feature = find_feature
        self._clock = clock

    async def __call__(self, customer_id: str, feature_id: str, *, reason: str) -> Revocation:
        """The revocation; one that stood before stays as it was.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`, `FEATURE_NOT_FOUND`, `TOO_MANY_GRANTS`, `DEPENDENCY_UNAVAILABLE`: nothing
                was revoked.
        """
        await self._find_customer(customer_id)
        await self._find_feature.existing(feature_id)
        async with self._database.write() as connection:
            await changes.lock_customer(connection, customer_id)
            standing = await revocations.list_all(connection, customer_id)
            for revocation in standing:
                if revocation.feature_id == feature_id:
                    return revocation
            if len(standing) >= MAX_LIVE:
                raise too_many("revocations")
            revision = await changes.change_customer(connection, customer_id, given=True)
            revocation = Revocation(customer_id, feature_id, reason, self._clock.now(), revision)
            await revocations.add(connection, revocation)
            event = events.EntitlementRevoked(revocation=revocation_to_proto(revocation), revision=revision)
            await self._outbox.put(connection, "entitlement", "revoked", id=customer_id, event=event)
            await announce(connection, NoticeKind.CUSTOMER, customer_id)
            return revocation
