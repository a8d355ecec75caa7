"""Trackers, windows and reports in metering's messages."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from entitlements.domain.request import (
    Behavior,
    Enforcement,
    Held,
    Outcome,
    ResolvedReport,
    Settlement,
    SettlementOutcome,
    SettlementVerdict,
    Verdict,
)
from entitlements.domain.usage import Tracker, Window
from kernel.quantity import ZERO
from kernel.recurrence import Recurrence
from kit.proto import decimal_to_proto, timestamp_from_proto, timestamp_to_proto
from tollkeeper.common.v1 import period_pb2, update_behavior_pb2
from tollkeeper.metering.v1 import metering_events_pb2, tracker_pb2, tracker_service_pb2

# The same small numbers stand in memory again and again.
_quantity = lru_cache(maxsize=10_000)(Decimal)

_BEHAVIORS: Final = {
    Behavior.DELTA: update_behavior_pb2.UPDATE_BEHAVIOR_DELTA,
    Behavior.SET: update_behavior_pb2.UPDATE_BEHAVIOR_SET,
}
_VERDICTS: Final = {tracker_service_pb2.ReportVerdict.Value(f"REPORT_VERDICT_{one}"): one for one in Verdict}


def recurrence_to_proto(recurrence: Recurrence | None) -> tracker_pb2.Recurrence:
    """The periods in which usage is counted; one endless period for None."""
    if recurrence is None:
        return tracker_pb2.Recurrence()
    return tracker_pb2.Recurrence(
        interval=tracker_pb2.Interval.Value(f"INTERVAL_{recurrence.interval}"),
        anchor_time=timestamp_to_proto(recurrence.anchor),
        time_zone=recurrence.zone,
    )


def tracker_to_proto(tracker: Tracker) -> tracker_pb2.Tracker:
    """A tracker of the customer as a whole."""
    return tracker_pb2.Tracker(
        series=tracker_pb2.Series(customer_id=tracker.customer_id, feature_id=tracker.feature_id),
        recurrence=recurrence_to_proto(tracker.recurrence),
    )


def lookup_to_proto(tracker: Tracker, time: datetime) -> tracker_service_pb2.WindowLookup:
    """Asks for the window of a tracker that holds the instant."""
    return tracker_service_pb2.WindowLookup(tracker=tracker_to_proto(tracker), time=timestamp_to_proto(time))


def window_from_proto(message: tracker_pb2.Window) -> Window:
    """A window that metering tells of."""
    start, end = _period(message.period)
    series = message.series
    value = _quantity(message.value) if message.value else ZERO
    reserved = _quantity(message.reserved) if message.reserved else ZERO
    return Window(
        series.customer_id, series.resource_id, series.feature_id, start, end, value, message.revision, reserved
    )


def windows_of_frame(frame: metering_events_pb2.UsageFrame) -> list[Window]:
    """The windows of a frame that concern customers as a whole; those of single resources decide nothing."""
    return [window_from_proto(window) for window in frame.windows if not window.series.resource_id]


def report_to_proto(resolved: ResolvedReport) -> tracker_service_pb2.UsageReport:
    """A report for metering to apply."""
    report = resolved.report
    message = tracker_service_pb2.UsageReport()
    # In place: a submessage that is made apart is copied.
    series = message.series
    series.customer_id, series.feature_id = report.customer_id, report.feature_id
    if report.resource_id:
        series.resource_id = report.resource_id
    message.idempotency_key = report.idempotency_key
    message.value = decimal_to_proto(report.value)
    message.update_behavior = _BEHAVIORS[report.behavior]
    message.time.CopyFrom(timestamp_to_proto(resolved.time))
    if resolved.recurrence is not None:
        message.recurrence.CopyFrom(recurrence_to_proto(resolved.recurrence))
    if resolved.ceiling is not None:
        message.ceiling.limit = decimal_to_proto(resolved.ceiling.limit)
        message.ceiling.entitlement_revision = resolved.ceiling.entitlement_revision
        message.partial = report.enforcement is Enforcement.PARTIAL
    if report.hold is not None:
        message.reserve_for.FromTimedelta(report.hold)
    return message


def outcomes_from_proto(message: tracker_service_pb2.BatchReportUsageResponse) -> Sequence[Outcome]:
    """What became of reports, in their order."""
    return [_outcome(outcome) for outcome in message.outcomes]


def _outcome(message: tracker_service_pb2.UsageReportOutcome) -> Outcome:
    previous = Decimal(message.previous_value) if message.previous_value else ZERO
    held = None
    if message.HasField("reservation"):
        expire_time = timestamp_from_proto(message.reservation.expire_time, "reservation.expire_time")
        held = Held(message.reservation.id, expire_time)
    written = Decimal(message.written_value) if message.written_value else ZERO
    return Outcome(_VERDICTS[message.verdict], window_from_proto(message.window), previous, written, held)


def settlement_to_proto(settlement: Settlement) -> tracker_service_pb2.ReservationSettlement:
    """A settlement for metering to apply."""
    message = tracker_service_pb2.ReservationSettlement(
        customer_id=settlement.customer_id, reservation_id=settlement.reservation_id
    )
    if settlement.release:
        message.release = True
    else:
        message.commit = "" if settlement.value is None else decimal_to_proto(settlement.value)
    return message


def settlement_outcomes_from_proto(
    message: tracker_service_pb2.BatchSettleReservationsResponse,
) -> Sequence[SettlementOutcome]:
    """What became of settlements, in their order."""
    return [_settled(outcome) for outcome in message.outcomes]


def _settled(message: tracker_service_pb2.SettlementOutcome) -> SettlementOutcome:
    name = tracker_service_pb2.SettlementVerdict.Name(message.verdict).removeprefix("SETTLEMENT_VERDICT_")
    window = window_from_proto(message.window) if message.HasField("window") else None
    reserved, written = (Decimal(text or "0") for text in (message.reserved_value, message.written_value))
    return SettlementOutcome(SettlementVerdict(name), window, reserved, written)


def _period(period: period_pb2.Period) -> tuple[datetime | None, datetime | None]:
    return (
        timestamp_from_proto(period.start_time, "period.start_time") if period.HasField("start_time") else None,
        timestamp_from_proto(period.end_time, "period.end_time") if period.HasField("end_time") else None,
    )
