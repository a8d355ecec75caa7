"""``PromotionalGrantService``."""

from entitlements import queries
from entitlements.commands.create_promotional_grant import CreatePromotionalGrant
from entitlements.commands.revoke_promotional_grant import RevokePromotionalGrant, grant_not_found
from entitlements.domain.promotional_grant import PromotionalGrant
from entitlements.messages.promotional_grant import grant_to_proto, list_from_proto, named_from_proto, spec_from_proto
from kernel.token import FactKind, Token
from kit.db import Database
from kit.paging import page_of_messages
from kit.rpc import Context
from tollkeeper.entitlements.v1 import promotional_grant_service_pb2 as pb
from tollkeeper.entitlements.v1 import promotional_grant_service_pb2_grpc as grpc_api


class PromotionalGrantServicer(grpc_api.PromotionalGrantServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, create: CreatePromotionalGrant, *, revoke: RevokePromotionalGrant) -> None:
        self._database = database
        self._create = create
        self._revoke = revoke

    async def CreatePromotionalGrant(
        self, request: pb.CreatePromotionalGrantRequest, _context: Context
    ) -> pb.CreatePromotionalGrantResponse:
        spec, request_id = spec_from_proto(request)
        grant = await self._create(spec, request_id=request_id)
        return pb.CreatePromotionalGrantResponse(promotional_grant=grant_to_proto(grant), token=_token(grant))

    async def GetPromotionalGrant(
        self, request: pb.GetPromotionalGrantRequest, _context: Context
    ) -> pb.GetPromotionalGrantResponse:
        named = named_from_proto(request)
        grant = await queries.get_grant(self._database, *named)
        if grant is None:
            raise grant_not_found(*named)
        return pb.GetPromotionalGrantResponse(promotional_grant=grant_to_proto(grant))

    async def ListPromotionalGrants(
        self, request: pb.ListPromotionalGrantsRequest, _context: Context
    ) -> pb.ListPromotionalGrantsResponse:
        wanted = list_from_proto(request)
        rows = await queries.list_grants(
            self._database, wanted.customer_id, wanted.page, show_revoked=wanted.show_revoked
        )
        messages, token = page_of_messages(rows, wanted.page, convert=grant_to_proto, key=lambda grant: (grant.id,))
        return pb.ListPromotionalGrantsResponse(promotional_grants=messages, next_page_token=token)

    async def RevokePromotionalGrant(
        self, request: pb.RevokePromotionalGrantRequest, _context: Context
    ) -> pb.RevokePromotionalGrantResponse:
        grant = await self._revoke(*named_from_proto(request))
        return pb.RevokePromotionalGrantResponse(promotional_grant=grant_to_proto(grant), token=_token(grant))


def _token(grant: PromotionalGrant) -> str:
    return Token.of(FactKind.GRANTS, grant.customer_id, revision=grant.revision).encode()
