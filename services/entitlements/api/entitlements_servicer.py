"""``EntitlementsService``."""

from collections.abc import AsyncIterator

from entitlements.commands.check_entitlement import CheckEntitlement
from entitlements.commands.list_entitlements import ListEntitlements
from entitlements.commands.report_usage import ReportUsage
from entitlements.commands.watch_entitlements import WatchEntitlements
from entitlements.messages.decision import answer_to_proto, check_to_proto, decision_to_proto
from entitlements.messages.request import check_from_proto, list_from_proto, report_from_proto
from entitlements.messages.watch import watch_from_proto
from kit.rpc import Context
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1 import entitlements_service_pb2_grpc as grpc_api


class EntitlementsServicer(grpc_api.EntitlementsServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self, check: CheckEntitlement, list_all: ListEntitlements, *, report: ReportUsage, watch: WatchEntitlements
    ) -> None:
        self._check = check
        self._list_all = list_all
        self._report = report
        self._watch = watch

    async def CheckEntitlement(
        self, request: pb.CheckEntitlementRequest, _context: Context
    ) -> pb.CheckEntitlementResponse:
        return check_to_proto(await self._check(check_from_proto(request)))

    async def ListEntitlements(
        self, request: pb.ListEntitlementsRequest, _context: Context
    ) -> pb.ListEntitlementsResponse:
        decisions = await self._list_all(*list_from_proto(request))
        return pb.ListEntitlementsResponse(decisions=[decision_to_proto(decision) for decision in decisions])

    async def ReportUsage(self, request: pb.ReportUsageRequest, _context: Context) -> pb.ReportUsageResponse:
        return answer_to_proto(await self._report(report_from_proto(request)))

    # A generator of bytes: a state that many streams are told is encoded once.
    async def WatchEntitlements(  # type: ignore[override]
        self, requests: AsyncIterator[pb.WatchEntitlementsRequest], _context: Context
    ) -> AsyncIterator[bytes]:
        async for update in self._watch(watch_from_proto(request) async for request in requests):
            yield update
