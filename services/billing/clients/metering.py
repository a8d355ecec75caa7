"""Metering: counts the usage that is billed."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import grpc

from billing.domain.usage import MeteredSeries, Usage, UsageQuestion
from kernel.recurrence import Interval
from kit.client import call
from kit.deadline import DEFAULT_SECONDS
from kit.errors import RemoteRefusal
from kit.proto import period_to_proto, timestamp_to_proto
from tollkeeper.metering.v1 import tracker_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub

# The contract's greatest batch.
_BATCH = 1_000


class Metering:
    """Asks ``TrackerService``."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._trackers = TrackerServiceStub(channel)

    async def register(self, series: Sequence[MeteredSeries], *, limit: float = DEFAULT_SECONDS) -> None:
        """Makes sure that metering counts these; usage from before counts as well.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        for i in range(0, len(series), _BATCH):
            trackers = [_tracker(one) for one in series[i : i + _BATCH]]
            request = pb.RegisterTrackersRequest(trackers=trackers)
            await call(self._trackers.RegisterTrackers, request, retry=True, limit=limit)

    async def closed_usage(self, questions: Sequence[UsageQuestion]) -> list[Usage]:
        """The usage of each closed period, in the order of the questions, as of everything acknowledged before the call.

        A tracker that metering does not know, because its registration is still to come, is registered first.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        try:
            return await self._windows(questions)
        except RemoteRefusal as refusal:
            if refusal.reason != "TRACKER_NOT_FOUND":
                raise
        await self.register(list(dict.fromkeys(question.series for question in questions)))
        return await self._windows(questions)

    async def _windows(self, questions: Sequence[UsageQuestion]) -> list[Usage]:
        usage: list[Usage] = []
        for i in range(0, len(questions), _BATCH):
            batch = questions[i : i + _BATCH]
            request = pb.BatchGetWindowsRequest(lookups=[_lookup(question) for question in batch])
            response = await call(self._trackers.BatchGetWindows, request, retry=True)
            usage += _usage(batch, response.windows)
        return usage


def _usage(questions: Sequence[UsageQuestion], windows: Sequence[tracker_pb2.Window]) -> Iterator[Usage]:
    for question, window in zip(questions, windows, strict=True):
        # Billing another span than the one on the invoice would be wrong money: better a fault than that.
        if window.period != period_to_proto(question.period):
            raise ValueError(f"metering answered another period than {question.period} of {question.series}")
        yield Usage(Decimal(window.value), window.revision)


def _lookup(question: UsageQuestion) -> pb.WindowLookup:
    return pb.WindowLookup(tracker=_tracker(question.series), time=timestamp_to_proto(question.period.start))


def _tracker(series: MeteredSeries) -> tracker_pb2.Tracker:
    recurrence = series.recurrence
    return tracker_pb2.Tracker(
        series=tracker_pb2.Series(customer_id=series.customer_id, feature_id=series.feature_id),
        recurrence=tracker_pb2.Recurrence(
            interval=_interval(recurrence.interval),
            anchor_time=timestamp_to_proto(recurrence.anchor),
            time_zone=recurrence.zone,
        ),
    )


def _interval(interval: Interval) -> tracker_pb2.Interval.ValueType:
    return tracker_pb2.Interval.Value(f"INTERVAL_{interval}")
