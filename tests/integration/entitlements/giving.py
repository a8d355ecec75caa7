"""Promotional grants and revocations over the wire, through a replica of their own."""

from dataclasses import dataclass
from datetime import datetime

import grpc

from kit.client import call
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from tollkeeper.entitlements.v1 import entitlements_service_pb2, revocation_service_pb2
from tollkeeper.entitlements.v1 import promotional_grant_pb2 as pb
from tollkeeper.entitlements.v1 import promotional_grant_service_pb2 as service_pb
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.entitlements.v1.promotional_grant_service_pb2_grpc import PromotionalGrantServiceStub
from tollkeeper.entitlements.v1.revocation_service_pb2_grpc import RevocationServiceStub


@dataclass(frozen=True)
class Giving:
    """The services of one replica."""

    grants: PromotionalGrantServiceStub
    revocations: RevocationServiceStub
    entitlements: EntitlementsServiceStub

    @classmethod
    def through(cls, channel: grpc.aio.Channel) -> "Giving":
        """Those behind a channel."""
        return cls(
            PromotionalGrantServiceStub(channel), RevocationServiceStub(channel), EntitlementsServiceStub(channel)
        )

    async def give(
        self,
        customer_id: str,
        feature_id: str,
        *,
        limit: str | None = None,
        expire: datetime | None = None,
        start: datetime | None = None,
        request_id: str = "",
        **fields: object,
    ) -> service_pb.CreatePromotionalGrantResponse:
        """A grant; with `limit` of usage."""
        grant = pb.PromotionalGrant(customer_id=customer_id, feature_id=feature_id, **fields)  # type: ignore[arg-type]  # its own.
        if limit is not None:
            grant.metered.limit = limit
        if expire is not None:
            grant.expire_time.CopyFrom(timestamp_to_proto(expire))
        if start is not None:
            grant.start_time.CopyFrom(timestamp_to_proto(start))
        request = service_pb.CreatePromotionalGrantRequest(promotional_grant=grant, request_id=request_id)
        return await call(self.grants.CreatePromotionalGrant, request)

    async def refusal(self, customer_id: str, feature_id: str, **how: object) -> tuple[str, str, list[str]]:
        """The code, the reason and the fields of a refused grant."""
        try:
            await self.give(customer_id, feature_id, **how)  # type: ignore[arg-type]  # as it takes them.
        except RemoteRefusal as refused:
            return refused.code.name, refused.reason, [violation.path for violation in refused.violations]
        raise AssertionError("it was given")

    async def end(self, customer_id: str, grant_id: str) -> service_pb.RevokePromotionalGrantResponse:
        """A grant revoked."""
        request = service_pb.RevokePromotionalGrantRequest(customer_id=customer_id, promotional_grant_id=grant_id)
        return await call(self.grants.RevokePromotionalGrant, request)

    async def page(self, customer_id: str, **how: object) -> service_pb.ListPromotionalGrantsResponse:
        """A page of the customer's grants."""
        request = service_pb.ListPromotionalGrantsRequest(customer_id=customer_id, **how)  # type: ignore[arg-type]  # its own.
        return await call(self.grants.ListPromotionalGrants, request)

    async def revoke(
        self, customer_id: str, feature_id: str, *, reason: str = ""
    ) -> revocation_service_pb2.RevokeEntitlementResponse:
        """A feature taken from the customer."""
        request = revocation_service_pb2.RevokeEntitlementRequest(
            customer_id=customer_id, feature_id=feature_id, reason=reason
        )
        return await call(self.revocations.RevokeEntitlement, request)

    async def restore(self, customer_id: str, feature_id: str) -> str:
        """A feature given back; the token of the write."""
        request = revocation_service_pb2.RestoreEntitlementRequest(customer_id=customer_id, feature_id=feature_id)
        return (await call(self.revocations.RestoreEntitlement, request)).token

    async def revoked(self, customer_id: str) -> list[str]:
        """What is revoked of the customer."""
        request = revocation_service_pb2.ListRevocationsRequest(customer_id=customer_id)
        response = await call(self.revocations.ListRevocations, request)
        return [revocation.feature_id for revocation in response.revocations]

    async def shadow_refusals(self, **how: object) -> entitlements_service_pb2.ListShadowRefusalsResponse:
        """A page of counts."""
        request = entitlements_service_pb2.ListShadowRefusalsRequest(**how)  # type: ignore[arg-type]  # its own.
        return await call(self.entitlements.ListShadowRefusals, request)
