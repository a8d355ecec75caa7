"""Gives a customer an entitlement."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from entitlements.clients.metering import MeteringClient
from entitlements.commands.find_customer import FindCustomer
from entitlements.commands.find_feature import FindFeature
from entitlements.domain.control import trackers_of
from entitlements.domain.promotional_grant import (
    MAX_LIVE,
    GrantSpec,
    PromotionalGrant,
    fits,
    id_taken,
    mismatch,
    resolve_grant,
    too_many,
)
from entitlements.messages.promotional_grant import grant_to_proto
from entitlements.store import changes, grants, requests
from entitlements.store.notices import NoticeKind, announce
from entitlements.store.requests import FirstRequest
from kernel.clock import Clock
from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, invalid
from kernel.ids import new_id
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.entitlements.v1 import entitlements_events_pb2 as events


class CreatePromotionalGrant:
    """Gives, and announces it."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        find_customer: FindCustomer,
        find_feature: FindFeature,
        metering: MeteringClient,
        clock: Clock,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._find_customer = find_customer
        self._find_feature = find_feature
        self._metering = metering
        self._clock = clock

    async def __call__(self, spec: GrantSpec, *, request_id: str) -> PromotionalGrant:
        """The grant; for a repeated request, or the same content under the same id, the first one as it is now.

        Its usage is counted from the reply on at the latest; what was used before in its period counts too.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`, `FEATURE_NOT_FOUND`, `GRANT_MISMATCH`, `INVALID_FIELD`, `ID_TAKEN`,
                `REQUEST_ID_REUSED`, `TOO_MANY_GRANTS`; `DEPENDENCY_UNAVAILABLE`. Nothing was given then.
        """
        entry = await self._find_customer(spec.customer_id)
        await self._check_fit(spec)
        real = self._clock.now()
        now = entry.now(real)
        grant = _grant(spec, now=now, real=real)
        await self._metering.register(trackers_of(grant.customer_id, [resolve_grant(grant)]))
        async with self._database.write() as connection:
            await changes.lock_customer(connection, grant.customer_id)
            first = await _first(connection, grant, request_id=request_id)
            if first is not None:
                return first
            if await grants.count_live(connection, grant.customer_id, now=now) >= MAX_LIVE:
                raise too_many("promotional grants")
            return await self._give(connection, grant)

    async def _check_fit(self, spec: GrantSpec) -> None:
        feature = await self._find_feature.existing(spec.feature_id)
        if not fits(feature, spec.content):
            # A value may have been added that was not heard of here yet.
            feature = await self._find_feature.anew(spec.feature_id)
        if not fits(feature, spec.content):
            raise mismatch(feature, spec.content)

    async def _give(self, connection: AsyncConnection, grant: PromotionalGrant) -> PromotionalGrant:
        revision = await changes.change_customer(connection, grant.customer_id, given=True)
        given = replace(grant, revision=revision)
        await grants.add(connection, given)
        event = events.PromotionalGrantCreated(promotional_grant=grant_to_proto(given))
        await self._outbox.put(connection, "promotional_grant", "created", id=given.customer_id, event=event)
        await announce(connection, NoticeKind.CUSTOMER, given.customer_id)
        return given


async def _first(connection: AsyncConnection, grant: PromotionalGrant, *, request_id: str) -> PromotionalGrant | None:
    """What the same request made before."""
    if request_id:
        mine = FirstRequest(grant.fingerprint, grant.customer_id, grant.id)
        used = await requests.claim(connection, request_id, mine)
        if used is not None:
            if used.fingerprint != grant.fingerprint:
                raise _request_id_reused()
            return await grants.get(connection, used.customer_id, used.promotional_grant_id)
    known = await grants.get(connection, grant.customer_id, grant.id)
    if known is not None and known.fingerprint != grant.fingerprint:
        raise id_taken(grant.id)
    return known


def _grant(spec: GrantSpec, *, now: datetime, real: datetime) -> PromotionalGrant:
    start = spec.start_time or now
    if spec.expire_time is not None and spec.expire_time <= start:
        message = f"must be after the start: the customer's time, {now.isoformat()}"
        raise invalid(FieldViolation("promotional_grant.expire_time", message))
    return PromotionalGrant(
        id=spec.id or new_id("pg"),
        customer_id=spec.customer_id,
        feature_id=spec.feature_id,
        content=spec.content,
        time_zone=spec.time_zone,
        start_time=start,
        expire_time=spec.expire_time,
        reason=spec.reason,
        create_time=real,
        revoke_time=None,
        revision=0,
        fingerprint=spec.fingerprint,
    )


def _request_id_reused() -> TollkeeperError:
    message = "The request_id was used before for a request with other content. Choose a new one."
    return TollkeeperError(ErrorKind.ALREADY_EXISTS, "REQUEST_ID_REUSED", message).at("request_id")
