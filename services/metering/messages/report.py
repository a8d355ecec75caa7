"""Reports of calculated usage in messages."""

from collections.abc import Sequence

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.quantity import parse_decimal, parse_quantity
from kit.proto import decimal_to_proto, timestamp_from_proto
from metering.domain.report import MAX_KEY_LENGTH, MAX_REPORTS, Behavior, Ceiling, Content, Outcome, Report, Verdict
from metering.messages.tracker import periods_from_proto, series_from_proto, window_to_proto
from tollkeeper.common.v1 import update_behavior_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

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
    if len(mistakes.found) > before or behavior is None or value is None or time is None:
        return None
    return Report(Content(series, value, behavior), message.idempotency_key, time, periods, ceiling)


def _ceiling(message: pb.Ceiling, path: str, mistakes: Mistakes) -> Ceiling | None:
    limit = mistakes.attempt(parse_quantity, message.limit, f"{path}.limit")
    if message.entitlement_revision < 0:
        mistakes.add(f"{path}.entitlement_revision", "must be 0 or more")
    return None if limit is None else Ceiling(limit, message.entitlement_revision)


def outcome_to_proto(outcome: Outcome) -> pb.UsageReportOutcome:
    """The outcome as the contract shows it."""
    return pb.UsageReportOutcome(
        verdict=_VERDICTS[outcome.verdict],
        window=window_to_proto(outcome.window),
        previous_value=decimal_to_proto(outcome.previous),
    )
