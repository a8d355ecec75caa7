"""``RevocationService``."""

from entitlements import queries
from entitlements.commands.restore_entitlement import RestoreEntitlement
from entitlements.commands.revoke_entitlement import RevokeEntitlement
from entitlements.messages.revocation import restore_from_proto, revocation_to_proto, revoke_from_proto
from kernel.ids import check_id
from kernel.token import FactKind, Token
from kit.db import Database
from kit.rpc import Context
from tollkeeper.entitlements.v1 import revocation_service_pb2 as pb
from tollkeeper.entitlements.v1 import revocation_service_pb2_grpc as grpc_api


class RevocationServicer(grpc_api.RevocationServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, revoke: RevokeEntitlement, *, restore: RestoreEntitlement) -> None:
        self._database = database
        self._revoke = revoke
        self._restore = restore

    async def RevokeEntitlement(
        self, request: pb.RevokeEntitlementRequest, _context: Context
    ) -> pb.RevokeEntitlementResponse:
        customer_id, feature_id, reason = revoke_from_proto(request)
        revocation = await self._revoke(customer_id, feature_id, reason=reason)
        token = Token.of(FactKind.GRANTS, customer_id, revision=revocation.revision)
        return pb.RevokeEntitlementResponse(revocation=revocation_to_proto(revocation), token=token.encode())

    async def RestoreEntitlement(
        self, request: pb.RestoreEntitlementRequest, _context: Context
    ) -> pb.RestoreEntitlementResponse:
        customer_id, feature_id = restore_from_proto(request)
        revision = await self._restore(customer_id, feature_id)
        return pb.RestoreEntitlementResponse(token=Token.of(FactKind.GRANTS, customer_id, revision=revision).encode())

    async def ListRevocations(
        self, request: pb.ListRevocationsRequest, _context: Context
    ) -> pb.ListRevocationsResponse:
        check_id(request.customer_id, "customer_id")
        revoked = await queries.list_revocations(self._database, request.customer_id)
        return pb.ListRevocationsResponse(revocations=map(revocation_to_proto, revoked))
