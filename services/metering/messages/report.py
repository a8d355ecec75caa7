"""Reports of calculated usage in messages."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.quantity import parse_decimal, parse_quantity
from kit.proto import decimal_to_proto, timestamp_from_proto, timestamp_to_proto
from metering.domain.report import MAX_KEY_LENGTH, MAX_REPORTS, Behavior, Ceiling, Content, Outcome, Report, Verdict
from metering.domain.reservation import LONGEST, SHORTEST
from metering.messages.tracker import periods_from_proto, series_from_proto, show_window
from tollkeeper.common.v1 import update_behavior_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

_NANOS: Final = 1_000_000_000
_BEHAVIORS = {
    update_behavior_pb2.UPDATE_BEHAVIOR_UNSPECIFIED: Behavior.DELTA,
    update_behavior_pb2.UPDATE_BEHAVIOR_DELTA: Behavior.DELTA,
    update_behavior_pb2.UPDATE_BEHAVIOR_SET: Behavior.SET,
}
_VERDICTS = {
    Verdict.WRITTEN: pb.REPORT_VERDICT_WRITTEN,
    Verdict.REPEATED: pb.REPORT_VERDICT_REPEATED,
    Verdict.KEY_REUSED: pb.REPORT_VERDICT_KEY_REUSED,
    Verdict.LIMIT_EXCEEDED: pb.REPORT_VERDICT_LIMIT_EXCEEDED,
    Verdict.BELOW_ZERO: pb.REPORT_VERDICT_BELOW_ZERO,
    Verdict.STALE_LIMIT: pb.REPORT_VERDICT_STALE_LIMIT,
    Verdict.RESERVED: pb.REPORT_VERDICT_RESERVED,
    Verdict.TOO_MANY_RESERVATIONS: pb.REPORT_VERDICT_TOO_MANY_RESERVATIONS,
}


def reports_from_proto(request: pb.BatchReportUsageRequest) -> Sequence[Report]:
    """The reports of a request.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming index and field of every mistake.
    """
    if not 1 <= len(request.reports) <= MAX_REPORTS:
        raise invalid(
            FieldViolation("reports", f"must hold 1 to {MAX_REPORTS:,} reports, not {len(request.reports):,}")
        )
    mistakes = Mistakes()
    reports = [_report(message, f"reports[{index}]", mistakes) for index, message in enumerate(request.reports)]
    mistakes.check()
    return [report for report in reports if report is not None]


def _report(message: pb.UsageReport, path: str, mistakes: Mistakes) -> Report | None:
    before = len(mistakes.found)
    series = series_from_proto(message.series, f"{path}.series", mistakes)
    key = message.idempotency_key
    if not 1 <= len(key) <= MAX_KEY_LENGTH or "\0" in key:
        mistakes.add(f"{path}.idempotency_key", f"must have 1 to {MAX_KEY_LENGTH} characters, none of them U+0000")
    behavior = _BEHAVIORS.get(message.update_behavior)
    if behavior is None:
        mistakes.add(f"{path}.update_behavior", "must be DELTA or SET")
    parse = parse_quantity if behavior is Behavior.SET else parse_decimal
    value = mistakes.attempt(parse, message.value, f"{path}.value")
    if not message.HasField("time"):
        mistakes.add(f"{path}.time", "is required")
    time = mistakes.attempt(timestamp_from_proto, message.time, f"{path}.time")
    periods = mistakes.attempt(periods_from_proto, message.recurrence, f"{path}.recurrence")
    if periods is not None and time is not None and time < periods.anchor:
        mistakes.add(f"{path}.time", "must not be before the recurrence's anchor")
    ceiling = _ceiling(message.ceiling, f"{path}.ceiling", mistakes) if message.HasField("ceiling") else None
    hold = None
    if message.HasField("reserve_for"):
        hold = mistakes.attempt(_hold, message.reserve_for, f"{path}.reserve_for")
        if behavior is Behavior.SET or (value is not None and value <= 0):
            mistakes.add(f"{path}.value", "must be a change above 0 where it is reserved")
        behavior = Behavior.RESERVE
    if len(mistakes.found) > before or behavior is None or value is None or time is None:
        return None
    content = Content(series, value, behavior)
    return Report(content, message.idempotency_key, time, periods, ceiling, message.partial, hold)


def _hold(message: Duration, path: str) -> timedelta:
    hold = timedelta(seconds=message.seconds, microseconds=message.nanos // 1_000) if _is_short(message) else None
    if hold is None or not SHORTEST <= hold <= LONGEST:
        raise invalid(FieldViolation(path, "must be from 1 second to 24 hours"))
    return hold


def _is_short(message: Duration) -> bool:
    # Beyond, arithmetic would overflow before it could be compared.
    return 0 <= message.seconds <= LONGEST.total_seconds() and 0 <= message.nanos < _NANOS


def _ceiling(message: pb.Ceiling, path: str, mistakes: Mistakes) -> Ceiling | None:
    limit = mistakes.attempt(parse_quantity, message.limit, f"{path}.limit")
    if message.entitlement_revision < 0:
        mistakes.add(f"{path}.entitlement_revision", "must be 0 or more")
    return None if limit is None else Ceiling(limit, message.entitlement_revision)


def outcome_to_proto(outcome: Outcome) -> pb.UsageReportOutcome:
    """The outcome as the contract shows it."""
    message = pb.UsageReportOutcome(verdict=_VERDICTS[outcome.verdict])
    show_window(outcome.window, message.window)
    message.previous_value = decimal_to_proto(outcome.previous)
    message.written_value = decimal_to_proto(outcome.written)
    if outcome.held is not None:
        message.reservation.id = outcome.held.id
        message.reservation.expire_time.CopyFrom(timestamp_to_proto(outcome.held.expire_time))
    return message
