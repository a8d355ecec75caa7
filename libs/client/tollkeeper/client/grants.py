"""Promotional grants and revocations over gRPC: what single customers are given, and what is taken from them."""

from datetime import datetime

from tollkeeper.client.calling import Calls, blocking
from tollkeeper.client.channel import Channels
from tollkeeper.client.consistency import GRANTS, Tokens
from tollkeeper.client.grant import (
    Granted,
    PromotionalGrant,
    Revocation,
    grant_from_proto,
    grant_to_proto,
    revocation_from_proto,
)
from tollkeeper.client.page import Page
from tollkeeper.client.usage import new_key
from tollkeeper.entitlements.v1 import promotional_grant_service_pb2 as pb
from tollkeeper.entitlements.v1 import revocation_service_pb2
from tollkeeper.entitlements.v1.promotional_grant_service_pb2_grpc import PromotionalGrantServiceStub
from tollkeeper.entitlements.v1.revocation_service_pb2_grpc import RevocationServiceStub


class AsyncGrants:
    """Promotional grants. Every method may raise a `TollkeeperError`; `timeout` is the deadline in seconds with all retries."""

    def __init__(self, calls: Calls, channels: Channels, tokens: Tokens) -> None:
        self._call = calls
        self._channels = channels
        self._tokens = tokens

    async def create(
        self,
        customer_id: str,
        feature_id: str,
        granted: Granted,
        *,
        id: str = "",
        start_time: datetime | None = None,
        expire_time: datetime | None = None,
        reason: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> PromotionalGrant:
        """Gives a customer an entitlement; later answers to this client include it.

        Args:
            customer_id: Who gets it.
            feature_id: Of which feature.
            granted: True: the feature is included; values of an enum feature; a number; or `GrantedUsage` of a metered feature.
            id: Unique among the customer's grants; made up where empty.
            start_time: From when on, in the customer's time; at once unless said.
            expire_time: Until when; until it is revoked unless said.
            reason: For people.
            request_id: Names the request for a safe repetition; made up where empty.
            timeout: The deadline in seconds.

        Raises:
            NotFoundError: `CUSTOMER_NOT_FOUND`, `FEATURE_NOT_FOUND`.
            PreconditionError: `GRANT_MISMATCH`: it does not fit the feature's type.
            AlreadyExistsError: `ID_TAKEN`, `REQUEST_ID_REUSED`.
            ExhaustedError: `TOO_MANY_GRANTS`: a customer has at most 100.
        """
        grant = grant_to_proto(
            customer_id,
            feature_id,
            granted,
            id=id,
            start_time=start_time,
            expire_time=expire_time,
            reason=reason,
        )
        request = pb.CreatePromotionalGrantRequest(promotional_grant=grant, request_id=request_id or new_key())
        write = self._tokens.begin(GRANTS, [customer_id])
        answer = await self._call(self._stub.CreatePromotionalGrant, request, timeout=timeout)
        write.done(answer.token)
        return grant_from_proto(answer.promotional_grant)

    async def get(
        self,
        customer_id: str,
        promotional_grant_id: str,
        *,
        timeout: float | None = None,
    ) -> PromotionalGrant:
        """One grant, also one that was revoked or expired.

        Raises:
            NotFoundError: `PROMOTIONAL_GRANT_NOT_FOUND`.
        """
        request = pb.GetPromotionalGrantRequest(customer_id=customer_id, promotional_grant_id=promotional_grant_id)
        answer = await self._call(self._stub.GetPromotionalGrant, request, timeout=timeout)
        return grant_from_proto(answer.promotional_grant)

    async def list(
        self,
        customer_id: str,
        *,
        show_revoked: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Page[PromotionalGrant]:
        """The customer's grants in the order of their ids: 100 a page unless said, at most 1,000."""
        request = pb.ListPromotionalGrantsRequest(
            customer_id=customer_id, show_revoked=show_revoked, page_size=page_size, page_token=page_token
        )
        answer = await self._call(self._stub.ListPromotionalGrants, request, timeout=timeout)
        return Page(tuple(map(grant_from_proto, answer.promotional_grants)), answer.next_page_token)

    async def revoke(
        self,
        customer_id: str,
        promotional_grant_id: str,
        *,
        timeout: float | None = None,
    ) -> PromotionalGrant:
        """Ends a grant now, for good. Idempotent.

        Raises:
            NotFoundError: `PROMOTIONAL_GRANT_NOT_FOUND`.
        """
        request = pb.RevokePromotionalGrantRequest(customer_id=customer_id, promotional_grant_id=promotional_grant_id)
        write = self._tokens.begin(GRANTS, [customer_id])
        answer = await self._call(self._stub.RevokePromotionalGrant, request, timeout=timeout)
        write.done(answer.token)
        return grant_from_proto(answer.promotional_grant)

    @property
    def _stub(self) -> PromotionalGrantServiceStub:
        return self._channels.stub(PromotionalGrantServiceStub)


class AsyncRevocations:
    """Features that are taken from single customers, whatever they hold. Methods and errors as those of `AsyncGrants`."""

    def __init__(self, calls: Calls, channels: Channels, tokens: Tokens) -> None:
        self._call = calls
        self._channels = channels
        self._tokens = tokens

    async def revoke(
        self,
        customer_id: str,
        feature_id: str,
        *,
        reason: str = "",
        timeout: float | None = None,
    ) -> Revocation:
        """Takes a feature from a customer until it is restored. Idempotent.

        Raises:
            NotFoundError: `CUSTOMER_NOT_FOUND`, `FEATURE_NOT_FOUND`.
            ExhaustedError: `TOO_MANY_GRANTS`.
        """
        request = revocation_service_pb2.RevokeEntitlementRequest(
            customer_id=customer_id, feature_id=feature_id, reason=reason
        )
        write = self._tokens.begin(GRANTS, [customer_id])
        answer = await self._call(self._stub.RevokeEntitlement, request, timeout=timeout)
        write.done(answer.token)
        return revocation_from_proto(answer.revocation)

    async def restore(
        self,
        customer_id: str,
        feature_id: str,
        *,
        timeout: float | None = None,
    ) -> None:
        """Gives a feature back. Idempotent, also where it was never revoked.

        Raises:
            NotFoundError: `CUSTOMER_NOT_FOUND`.
        """
        request = revocation_service_pb2.RestoreEntitlementRequest(customer_id=customer_id, feature_id=feature_id)
        write = self._tokens.begin(GRANTS, [customer_id])
        write.done((await self._call(self._stub.RestoreEntitlement, request, timeout=timeout)).token)

    async def list(
        self,
        customer_id: str,
        *,
        timeout: float | None = None,
    ) -> tuple[Revocation, ...]:
        """What is revoked of a customer, in the order of feature ids: at most 100."""
        request = revocation_service_pb2.ListRevocationsRequest(customer_id=customer_id)
        answer = await self._call(self._stub.ListRevocations, request, timeout=timeout)
        return tuple(map(revocation_from_proto, answer.revocations))

    @property
    def _stub(self) -> RevocationServiceStub:
        return self._channels.stub(RevocationServiceStub)


class Grants:
    """Promotional grants. Its methods are those of `AsyncGrants`, without ``await``."""

    def __init__(self, asynchronous: AsyncGrants) -> None:
        self._asynchronous = asynchronous

    create = blocking(AsyncGrants.create)
    get = blocking(AsyncGrants.get)
    list = blocking(AsyncGrants.list)
    revoke = blocking(AsyncGrants.revoke)


class Revocations:
    """Features that are taken from customers. Its methods are those of `AsyncRevocations`, without ``await``."""

    def __init__(self, asynchronous: AsyncRevocations) -> None:
        self._asynchronous = asynchronous

    revoke = blocking(AsyncRevocations.revoke)
    restore = blocking(AsyncRevocations.restore)
    list = blocking(AsyncRevocations.list)
