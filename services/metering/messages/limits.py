"""Limits over trackers and their crossings in messages."""

from datetime import datetime
from itertools import pairwise

from google.protobuf.timestamp_pb2 import Timestamp

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.quantity import ZERO, parse_quantity
from kit.proto import decimal_to_proto, period_to_proto, timestamp_from_proto, timestamp_to_proto
from metering.domain.threshold import MAX_SPANS, Crossing, LimitSpan, TrackerLimits
from metering.domain.tracker import MAX_TRACKERS
from metering.messages.tracker import tracker_from_proto
from tollkeeper.metering.v1 import metering_events_pb2 as events
from tollkeeper.metering.v1 import tracker_service_pb2 as pb


def limits_from_proto(request: pb.SetLimitsRequest) -> list[TrackerLimits]:
    """What limits stand over which trackers.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    if not 1 <= len(request.trackers) <= MAX_TRACKERS:
        message = f"must hold 1 to {MAX_TRACKERS:,} trackers, not {len(request.trackers):,}"
        raise invalid(FieldViolation("trackers", message))
    mistakes = Mistakes()
    limits = [_limits(each, f"trackers[{index}]", mistakes) for index, each in enumerate(request.trackers)]
    mistakes.check()
    return limits


def _limits(message: pb.TrackerLimits, path: str, mistakes: Mistakes) -> TrackerLimits:
    series, periods = tracker_from_proto(message.tracker, f"{path}.tracker", mistakes)
    if message.entitlement_revision < 0:
        mistakes.add(f"{path}.entitlement_revision", "must be 0 or more")
    if len(message.spans) > MAX_SPANS:
        mistakes.add(f"{path}.spans", f"must be at most {MAX_SPANS}, not {len(message.spans):,}")
        return TrackerLimits(series, periods, (), 0)
    several = [_span(span, f"{path}.spans[{index}]", mistakes) for index, span in enumerate(message.spans)]
    spans = sorted((span for span in several if span is not None), key=_order)
    for before, after in pairwise(spans):
        if before.end is None or after.start is None or before.end > after.start:
            mistakes.add(f"{path}.spans", "must not overlap")
            break
    return TrackerLimits(series, periods, tuple(spans), message.entitlement_revision)


def _span(message: pb.LimitSpan, path: str, mistakes: Mistakes) -> LimitSpan | None:
    limit = mistakes.attempt(parse_quantity, message.limit, f"{path}.limit")
    if limit == ZERO:
        mistakes.add(f"{path}.limit", "must be above 0: of nothing there are no shares")
    period = message.period
    start = _time(period.start_time, f"{path}.period.start_time", mistakes) if period.HasField("start_time") else None
    end = _time(period.end_time, f"{path}.period.end_time", mistakes) if period.HasField("end_time") else None
    if start is not None and end is not None and end <= start:
        mistakes.add(f"{path}.period.end_time", "must be after the start")
    return None if limit is None else LimitSpan(limit, start, end)


def _time(timestamp: Timestamp, path: str, mistakes: Mistakes) -> datetime | None:
    return mistakes.attempt(timestamp_from_proto, timestamp, path)


def _order(span: LimitSpan) -> tuple[bool, datetime | None]:
    return (False, None) if span.start is None else (True, span.start)


def crossing_to_proto(crossing: Crossing) -> events.UsageThresholdCrossed:
    """The event that announces it."""
    window = crossing.window
    return events.UsageThresholdCrossed(
        customer_id=window.tracker.series.customer_id,
        feature_id=window.tracker.series.feature_id,
        percent=crossing.percent,
        limit=decimal_to_proto(crossing.limit),
        usage=decimal_to_proto(window.value),
        usage_period=None if window.span is None else period_to_proto(window.span),
        cross_time=timestamp_to_proto(crossing.time),
        revision=window.revision,
    )
