"""Metering: counts the usage that is billed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import grpc

from billing.domain.usage import MeteredSeries, Tracked, Usage, UsageQuestion
from kernel.recurrence import Interval
from kit.client import call
from kit.deadline import DEFAULT_SECONDS
from kit.errors import RemoteRefusal
from kit.proto import period_to_proto, timestamp_to_proto
from tollkeeper.metering.v1 import tracker_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub

# The contract's greatest batches.
_BATCH = 1_000
_SPANS = 100


@dataclass(frozen=True, slots=True)
class _Counted:
    """A question about a span that is a period of a tracker."""

    question: UsageQuestion
    tracked: Tracked


class Metering:
    """Asks ``TrackerService``."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._trackers = TrackerServiceStub(channel)

    async def register(self, tracked: Sequence[Tracked], *, limit: float = DEFAULT_SECONDS) -> None:
        """Makes sure that metering counts these; usage from before counts as well.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        for i in range(0, len(tracked), _BATCH):
            trackers = [_tracker(one) for one in tracked[i : i + _BATCH]]
            request = pb.RegisterTrackersRequest(trackers=trackers)
            await call(self._trackers.RegisterTrackers, request, retry=True, limit=limit)

    async def usage(self, questions: Sequence[UsageQuestion]) -> list[Usage]:
        """The usage of each span, in the order of the questions, as of everything acknowledged before the call.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        counted = [(question, question.recurrence) for question in questions if question.recurrence is not None]
        measured = [question for question in questions if question.recurrence is None]
        windows = [_Counted(question, Tracked(question.series, periods)) for question, periods in counted]
        found = dict(zip([one.question for one in windows], await self._counted(windows), strict=True))
        found |= zip(measured, await self._measured(measured), strict=True)
        return [found[question] for question in questions]

    async def _counted(self, asked: Sequence[_Counted]) -> list[Usage]:
        """The windows of trackers; one that metering does not know, because its registration is to come, is registered."""
        if not asked:
            return []
        try:
            return await self._windows(asked)
        except RemoteRefusal as refusal:
            if refusal.reason != "TRACKER_NOT_FOUND":
                raise
        await self.register(list(dict.fromkeys(one.tracked for one in asked)))
        return await self._windows(asked)

    async def _windows(self, asked: Sequence[_Counted]) -> list[Usage]:
        usage: list[Usage] = []
        for i in range(0, len(asked), _BATCH):
            batch = asked[i : i + _BATCH]
            request = pb.BatchGetWindowsRequest(lookups=[_lookup(one) for one in batch])
            response = await call(self._trackers.BatchGetWindows, request, retry=True)
            usage += _usage([one.question for one in batch], response.windows)
        return usage

    async def _measured(self, questions: Sequence[UsageQuestion]) -> list[Usage]:
        usage: list[Usage] = []
        for i in range(0, len(questions), _SPANS):
            spans = [_span(question) for question in questions[i : i + _SPANS]]
            request = pb.BatchMeasureUsageRequest(spans=spans)
            response = await call(self._trackers.BatchMeasureUsage, request, retry=True)
            usage += [Usage(Decimal(one.value), one.revision, one.incomplete) for one in response.measured]
        return usage


def _usage(questions: Sequence[UsageQuestion], windows: Sequence[tracker_pb2.Window]) -> Iterator[Usage]:
    for question, window in zip(questions, windows, strict=True):
        # Billing another span than the one on the invoice would be wrong money: better a fault than that.
        if window.period != period_to_proto(question.period):
            raise ValueError(f"metering answered another period than {question.period} of {question.series}")
        yield Usage(Decimal(window.value), window.revision)


def _lookup(asked: _Counted) -> pb.WindowLookup:
    return pb.WindowLookup(tracker=_tracker(asked.tracked), time=timestamp_to_proto(asked.question.period.start))


def _span(question: UsageQuestion) -> pb.UsageSpan:
    return pb.UsageSpan(series=_series(question.series), period=period_to_proto(question.period))


def _tracker(tracked: Tracked) -> tracker_pb2.Tracker:
    recurrence = tracked.recurrence
    return tracker_pb2.Tracker(
        series=_series(tracked.series),
        recurrence=tracker_pb2.Recurrence(
            interval=_interval(recurrence.interval),
            anchor_time=timestamp_to_proto(recurrence.anchor),
            time_zone=recurrence.zone,
        ),
    )


def _series(series: MeteredSeries) -> tracker_pb2.Series:
    return tracker_pb2.Series(
        customer_id=series.customer_id, resource_id=series.resource_id, feature_id=series.feature_id
    )


def _interval(interval: Interval) -> tracker_pb2.Interval.ValueType:
    return tracker_pb2.Interval.Value(f"INTERVAL_{interval}")
