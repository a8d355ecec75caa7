"""``TrackerService``."""

from kit.db import Database
from kit.rpc import Context
from metering import queries
from metering.commands.find_feature import FindFeature
from metering.commands.register_trackers import RegisterTrackers
from metering.commands.report_usage import ReportUsage
from metering.commands.set_limits import SetLimits
from metering.commands.settle_reservations import SettleReservations
from metering.messages.limits import limits_from_proto
from metering.messages.report import outcome_to_proto, reports_from_proto
from metering.messages.settlement import settlement_outcome_to_proto, settlements_from_proto
from metering.messages.tracker import lookups_from_proto, tracker_to_proto, trackers_from_proto, window_to_proto
from metering.messages.usage import measured_to_proto, spans_from_proto
from metering.queries import Windows
from tollkeeper.metering.v1 import tracker_service_pb2 as pb
from tollkeeper.metering.v1 import tracker_service_pb2_grpc as grpc_api


class TrackerServicer(grpc_api.TrackerServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self,
        database: Database,
        find_feature: FindFeature,
        *,
        register: RegisterTrackers,
        windows: Windows,
        report: ReportUsage,
        settle: SettleReservations,
        set_limits: SetLimits,
    ) -> None:
        self._database = database
        self._find_feature = find_feature
        self._register = register
        self._windows = windows
        self._report = report
        self._settle = settle
        self._set_limits = set_limits

    async def RegisterTrackers(
        self, request: pb.RegisterTrackersRequest, _context: Context
    ) -> pb.RegisterTrackersResponse:
        trackers = await self._register(trackers_from_proto(request))
        return pb.RegisterTrackersResponse(trackers=map(tracker_to_proto, trackers))

    async def BatchGetWindows(
        self, request: pb.BatchGetWindowsRequest, _context: Context
    ) -> pb.BatchGetWindowsResponse:
        windows = await self._windows.at(lookups_from_proto(request))
        return pb.BatchGetWindowsResponse(windows=map(window_to_proto, windows))

    async def BatchMeasureUsage(
        self, request: pb.BatchMeasureUsageRequest, _context: Context
    ) -> pb.BatchMeasureUsageResponse:
        spans = spans_from_proto(request)
        features = await self._find_feature.all(span.series.feature_id for span in spans)
        measured = await queries.measure_usage(self._database, features, spans)
        return pb.BatchMeasureUsageResponse(measured=map(measured_to_proto, measured))

    async def SetLimits(self, request: pb.SetLimitsRequest, _context: Context) -> pb.SetLimitsResponse:
        await self._set_limits(limits_from_proto(request))
        return pb.SetLimitsResponse()

    async def BatchReportUsage(
        self, request: pb.BatchReportUsageRequest, _context: Context
    ) -> pb.BatchReportUsageResponse:
        outcomes = await self._report(reports_from_proto(request))
        return pb.BatchReportUsageResponse(outcomes=map(outcome_to_proto, outcomes))

    async def BatchSettleReservations(
        self, request: pb.BatchSettleReservationsRequest, _context: Context
    ) -> pb.BatchSettleReservationsResponse:
        outcomes = await self._settle(settlements_from_proto(request))
        return pb.BatchSettleReservationsResponse(outcomes=map(settlement_outcome_to_proto, outcomes))
