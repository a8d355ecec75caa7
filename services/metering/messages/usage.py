"""Questions for usage, and answers, in messages."""

from datetime import datetime

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.period import Period
from kernel.recurrence import zone as check_zone
from kit.proto import decimal_to_proto, period_to_proto, timestamp_from_proto
from metering.domain.event_batch import MAX_NAME_LENGTH
from metering.domain.series import Series, check_series
from metering.domain.tracker import EPOCH
from metering.domain.usage_range import (
    LONGEST_SPAN,
    MAX_GROUPS,
    MAX_SPANS,
    Granularity,
    MeasuredUsage,
    UsageAnswer,
    UsagePoint,
    UsageQuery,
    UsageSpan,
)
from metering.messages.tracker import series_from_proto
from tollkeeper.common.v1 import period_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as tracker_pb
from tollkeeper.metering.v1 import usage_service_pb2 as pb

_GRANULARITIES = {
    pb.GRANULARITY_UNSPECIFIED: Granularity.WHOLE,
    pb.GRANULARITY_HOUR: Granularity.HOUR,
    pb.GRANULARITY_DAY: Granularity.DAY,
    pb.GRANULARITY_MONTH: Granularity.MONTH,
}


def usage_query_from_proto(request: pb.QueryUsageRequest) -> UsageQuery:
    """What is asked.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    series = Series(request.customer_id, request.resource_id, request.feature_id)
    check_series(series, "", mistakes)
    start = _required_time(request, "start_time", mistakes)
    end = _required_time(request, "end_time", mistakes)
    if start is not None and end is not None and end <= start:
        mistakes.add("end_time", "must be after start_time")
    granularity = _GRANULARITIES.get(request.granularity)
    if granularity is None:
        mistakes.add("granularity", "must be one of the named granularities, or left out")
    mistakes.attempt(check_zone, request.time_zone or "UTC", "time_zone")
    if len(request.group_by) > MAX_GROUPS:
        mistakes.add("group_by", f"must name at most {MAX_GROUPS} dimensions, not {len(request.group_by):,}")
    for index, name in enumerate(request.group_by[:MAX_GROUPS]):
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            mistakes.add(f"group_by[{index}]", f"must have 1 to {MAX_NAME_LENGTH} characters")
    mistakes.check()
    period = Period(start or EPOCH, end or EPOCH)
    return UsageQuery(
        series, period, granularity or Granularity.WHOLE, request.time_zone or "UTC", tuple(request.group_by)
    )


def usage_answer_to_proto(answer: UsageAnswer) -> pb.QueryUsageResponse:
    """The answer as the contract shows it."""
    return pb.QueryUsageResponse(points=map(_point_to_proto, answer.points), skipped_count=answer.skipped)


def spans_from_proto(request: tracker_pb.BatchMeasureUsageRequest) -> list[UsageSpan]:
    """Which spans are to be measured.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    if not 1 <= len(request.spans) <= MAX_SPANS:
        raise invalid(FieldViolation("spans", f"must hold 1 to {MAX_SPANS:,} spans, not {len(request.spans):,}"))
    mistakes = Mistakes()
    spans = [_span(message, f"spans[{index}]", mistakes) for index, message in enumerate(request.spans)]
    mistakes.check()
    return [span for span in spans if span is not None]


def measured_to_proto(measured: MeasuredUsage) -> tracker_pb.MeasuredUsage:
    """The usage as the contract shows it."""
    return tracker_pb.MeasuredUsage(
        value=decimal_to_proto(measured.value), revision=measured.revision, incomplete=measured.incomplete
    )


def _span(message: tracker_pb.UsageSpan, path: str, mistakes: Mistakes) -> UsageSpan | None:
    series = series_from_proto(message.series, f"{path}.series", mistakes)
    start = _required_time(message.period, "start_time", mistakes, path=f"{path}.period.")
    end = _required_time(message.period, "end_time", mistakes, path=f"{path}.period.")
    if start is None or end is None:
        return None
    if end < start:
        mistakes.add(f"{path}.period.end_time", "must not be before start_time")
        return None
    if end - start > LONGEST_SPAN:
        mistakes.add(f"{path}.period.end_time", "must be at most ten years after start_time")
    return UsageSpan(series, Period(start, end))


def _required_time(
    message: pb.QueryUsageRequest | period_pb2.Period, field: str, mistakes: Mistakes, *, path: str = ""
) -> datetime | None:
    if not message.HasField(field):  # type: ignore[arg-type]  # one of the two.
        mistakes.add(f"{path}{field}", "is required")
        return None
    return mistakes.attempt(timestamp_from_proto, getattr(message, field), f"{path}{field}")


def _point_to_proto(point: UsagePoint) -> pb.UsagePoint:
    return pb.UsagePoint(period=period_to_proto(point.period), value=decimal_to_proto(point.value), group=point.group)
