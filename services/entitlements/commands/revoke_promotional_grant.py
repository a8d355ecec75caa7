"""Ends a promotional grant."""

from dataclasses import replace

from entitlements.domain.promotional_grant import PromotionalGrant
from entitlements.messages.promotional_grant import grant_to_proto
from entitlements.store import changes, grants
from entitlements.store.notices import NoticeKind, announce
from kernel.clock import Clock
from kernel.errors import TollkeeperError, not_found
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.entitlements.v1 import entitlements_events_pb2 as events


class RevokePromotionalGrant:
    """Ends a grant, and announces it."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, customer_id: str, grant_id: str) -> PromotionalGrant:
        """The grant as it is then; one that was revoked before stays as it was.

        Raises:
            TollkeeperError: `PROMOTIONAL_GRANT_NOT_FOUND`.
        """
        async with self._database.write() as connection:
            if await grants.get(connection, customer_id, grant_id) is None:
                raise grant_not_found(customer_id, grant_id)
            await changes.lock_customer(connection, customer_id)
            grant = await grants.get(connection, customer_id, grant_id)
            assert grant is not None  # noqa: S101 - grants are never taken away.
            if grant.revoke_time is not None:
                return grant
            revision = await changes.change_customer(connection, customer_id, given=True)
            ended = replace(grant, revoke_time=self._clock.now(), revision=revision)
            await grants.revoke(connection, ended)
            event = events.PromotionalGrantRevoked(promotional_grant=grant_to_proto(ended))
            await self._outbox.put(connection, "promotional_grant", "revoked", id=customer_id, event=event)
            await announce(connection, NoticeKind.CUSTOMER, customer_id)
            return ended


def grant_not_found(customer_id: str, grant_id: str) -> TollkeeperError:
    """`PROMOTIONAL_GRANT_NOT_FOUND`."""
    message = f"The customer {customer_id} has no promotional grant with the id {grant_id}."
    return not_found("PROMOTIONAL_GRANT_NOT_FOUND", message, customer_id=customer_id, promotional_grant_id=grant_id)
