"""``EntitlementsService``."""

from collections.abc import AsyncIterator

from entitlements import queries
from entitlements.commands.batch_check import BatchCheck
from entitlements.commands.check_entitlement import CheckEntitlement
from entitlements.commands.list_entitlements import ListEntitlements
from entitlements.commands.report_usage import ReportUsage
from entitlements.commands.settle_reservation import SettleReservation
from entitlements.commands.watch_entitlements import WatchEntitlements
from entitlements.messages.answer import answer_to_proto, committed_to_proto, released_to_proto, reserved_to_proto
from entitlements.messages.batch import batch_from_proto
from entitlements.messages.decision import decision_to_proto
from entitlements.messages.report import (
    commit_from_proto,
    release_from_proto,
    report_from_proto,
    reservation_from_proto,
)
from entitlements.messages.request import check_from_proto, list_from_proto
from entitlements.messages.shadow import shadow_key, shadow_list_from_proto, shadow_refusals_to_proto
from entitlements.messages.shown import bare_check_from_bytes, batch_to_bytes, check_to_bytes
from entitlements.messages.watch import watch_from_proto
from kernel.clock import Clock
from kit.db import Database
from kit.paging import page_of_messages
from kit.rpc import Context
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1 import entitlements_service_pb2_grpc as grpc_api


class EntitlementsServicer(grpc_api.EntitlementsServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self,
        check: CheckEntitlement,
        list_all: ListEntitlements,
        *,
        batch: BatchCheck,
        report: ReportUsage,
        settle: SettleReservation,
        watch: WatchEntitlements,
        database: Database,
        clock: Clock,
    ) -> None:
        self._check = check
        self._list_all = list_all
        self._batch = batch
        self._report = report
        self._settle = settle
        self._watch = watch
        self._database = database
        self._clock = clock

    # Bytes, here and below: what does not change of an answer is encoded once.
    async def CheckEntitlement(  # type: ignore[override]
        self, request: pb.CheckEntitlementRequest, _context: Context
    ) -> bytes:
        return check_to_bytes(await self._check(*check_from_proto(request)))

    def check_at_once(self, data: bytes) -> bytes | None:
        """The answer to a check where it is known already: needs no deadline, and nothing to be waited for."""
        asked = bare_check_from_bytes(data)
        shown = None if asked is None else self._check.at_once(*asked, self._clock.now())
        return None if shown is None else check_to_bytes(shown)

    async def BatchCheckEntitlements(  # type: ignore[override]
        self, request: pb.BatchCheckEntitlementsRequest, _context: Context
    ) -> bytes:
        return batch_to_bytes(await self._batch(*batch_from_proto(request)))

    async def ListEntitlements(
        self, request: pb.ListEntitlementsRequest, _context: Context
    ) -> pb.ListEntitlementsResponse:
        decisions = await self._list_all(*list_from_proto(request))
        return pb.ListEntitlementsResponse(decisions=[decision_to_proto(decision) for decision in decisions])

    async def ReportUsage(self, request: pb.ReportUsageRequest, _context: Context) -> pb.ReportUsageResponse:
        return answer_to_proto(await self._report(report_from_proto(request)))

    async def ReserveUsage(self, request: pb.ReserveUsageRequest, _context: Context) -> pb.ReserveUsageResponse:
        return reserved_to_proto(await self._report(reservation_from_proto(request)))

    async def CommitReservation(
        self, request: pb.CommitReservationRequest, _context: Context
    ) -> pb.CommitReservationResponse:
        return committed_to_proto(*await self._settle(commit_from_proto(request)))

    async def ReleaseReservation(
        self, request: pb.ReleaseReservationRequest, _context: Context
    ) -> pb.ReleaseReservationResponse:
        _, window = await self._settle(release_from_proto(request))
        return released_to_proto(window)

    async def ListShadowRefusals(
        self, request: pb.ListShadowRefusalsRequest, _context: Context
    ) -> pb.ListShadowRefusalsResponse:
        wanted = shadow_list_from_proto(request, self._clock.now())
        rows = await queries.list_shadow_refusals(
            self._database, wanted.page, feature_id=wanted.feature_id, first=wanted.first, last=wanted.last
        )
        messages, token = page_of_messages(rows, wanted.page, convert=shadow_refusals_to_proto, key=shadow_key)
        return pb.ListShadowRefusalsResponse(refusals=messages, next_page_token=token)

    async def WatchEntitlements(  # type: ignore[override]
        self, requests: AsyncIterator[pb.WatchEntitlementsRequest], _context: Context
    ) -> AsyncIterator[bytes]:
        async for update in self._watch(watch_from_proto(request) async for request in requests):
            yield update
