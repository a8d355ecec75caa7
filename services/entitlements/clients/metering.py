"""Metering: trackers, windows, and the writing of calculated usage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import grpc

from entitlements.clients.refusals import answered, unwell
from entitlements.domain.limits import LimitSpan
from entitlements.domain.request import Outcome, ResolvedReport, Settlement, SettlementOutcome
from entitlements.domain.usage import Tracker, Window
from entitlements.messages.limits import limits_to_proto
from entitlements.messages.usage import (
    lookup_to_proto,
    outcomes_from_proto,
    report_to_proto,
    settlement_outcomes_from_proto,
    settlement_to_proto,
    tracker_to_proto,
    window_from_proto,
)
from kit.client import call
from tollkeeper.metering.v1 import tracker_service_pb2 as pb
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub

# The contract's greatest batch of trackers, lookups or reports.
MAX_BATCH: Final = 1_000

Lookup = tuple[Tracker, datetime]


class MeteringClient:
    """Asks metering.

    Every method raises `TollkeeperError` `DEPENDENCY_UNAVAILABLE` where it cannot be reached.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._trackers = TrackerServiceStub(channel)

    async def register(self, trackers: Sequence[Tracker]) -> None:
        """Makes sure that the trackers exist; what they count already is counted when this returns."""
        for start in range(0, len(trackers), MAX_BATCH):
            batch = [tracker_to_proto(tracker) for tracker in trackers[start : start + MAX_BATCH]]
            request = pb.RegisterTrackersRequest(trackers=batch)
            if await answered(self._trackers.RegisterTrackers, request, missing={"FEATURE_NOT_FOUND"}) is None:
                # The catalog published a plan with the feature: it is metering that does not hear of it yet.
                raise unwell()

    async def set_limits(self, limits: Mapping[Tracker, tuple[int, Sequence[LimitSpan]]]) -> None:
        """Says what limits stand over trackers, each with the revision that they follow from."""
        waiting = list(limits.items())
        for start in range(0, len(waiting), MAX_BATCH):
            some = waiting[start : start + MAX_BATCH]
            messages = [limits_to_proto(tracker, spans, revision=revision) for tracker, (revision, spans) in some]
            request = pb.SetLimitsRequest(trackers=messages)
            if await answered(self._trackers.SetLimits, request, missing={"TRACKER_NOT_FOUND"}) is None:
                # What a publish carries may bring new periods.
                await self.register([tracker for tracker, _ in some])
                if await answered(self._trackers.SetLimits, request, missing={"TRACKER_NOT_FOUND"}) is None:
                    raise unwell()

    async def get_windows(self, lookups: Sequence[Lookup]) -> Sequence[Window]:
        """The window of each tracker that holds the instant, as of everything acknowledged before the call."""
        windows: list[Window] = []
        for start in range(0, len(lookups), MAX_BATCH):
            windows += await self._get_batch(lookups[start : start + MAX_BATCH])
        return windows

    async def _get_batch(self, lookups: Sequence[Lookup]) -> Sequence[Window]:
        request = pb.BatchGetWindowsRequest(lookups=[lookup_to_proto(tracker, time) for tracker, time in lookups])
        response = await answered(self._trackers.BatchGetWindows, request, missing={"TRACKER_NOT_FOUND"})
        if response is None:
            # They were registered when the subscription was stored; metering was set back since.
            await self.register([tracker for tracker, _ in lookups])
            response = await answered(self._trackers.BatchGetWindows, request)
        if response is None:
            raise unwell()
        return [window_from_proto(window) for window in response.windows]

    async def report(self, reports: Sequence[ResolvedReport]) -> Sequence[Outcome]:
        """What became of each report. Of a call that fails nobody knows whether it wrote.

        Raises:
            RemoteRefusal: The call was refused whole: nothing was written. `TRACKER_NOT_FOUND`: register it first.
        """
        request = pb.BatchReportUsageRequest(reports=[report_to_proto(report) for report in reports])
        # Safe to repeat: every report carries its key.
        return outcomes_from_proto(await call(self._trackers.BatchReportUsage, request, retry=True))

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[SettlementOutcome]:
        """What became of each settlement; of a call that fails nobody knows it.

        Raises:
            RemoteRefusal: The call was refused whole.
        """
        request = pb.BatchSettleReservationsRequest(settlements=map(settlement_to_proto, settlements))
        # Safe to repeat: a reservation ends once.
        return settlement_outcomes_from_proto(await call(self._trackers.BatchSettleReservations, request, retry=True))
