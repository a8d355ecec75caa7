"""Series, recurrences, trackers and windows in messages."""

from datetime import datetime
from functools import lru_cache

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.recurrence import Interval, Recurrence
from kernel.recurrence import zone as check_zone
from kit.proto import decimal_to_proto, period_to_proto, timestamp_from_proto, timestamp_to_proto
from metering.domain.series import Series, check_series
from metering.domain.tracker import EPOCH, MAX_TRACKERS, Periods, Tracker, Window, covers
from tollkeeper.metering.v1 import tracker_pb2 as pb
from tollkeeper.metering.v1 import tracker_service_pb2 as service_pb

_INTERVALS = {
    pb.INTERVAL_HOUR: Interval.HOUR,
    pb.INTERVAL_DAY: Interval.DAY,
    pb.INTERVAL_WEEK: Interval.WEEK,
    pb.INTERVAL_MONTH: Interval.MONTH,
    pb.INTERVAL_QUARTER: Interval.QUARTER,
    pb.INTERVAL_YEAR: Interval.YEAR,
}
_INTERVALS_TO_PROTO = {interval: number for number, interval in _INTERVALS.items()}


def series_from_proto(message: pb.Series, path: str, mistakes: Mistakes) -> Series:
    """The series; malformed ids are noted."""
    series, is_right = _series(message.customer_id, message.resource_id, message.feature_id)
    if not is_right:
        check_series(series, path, mistakes)
    return series


# The same series are named again and again.
@lru_cache(maxsize=10_000)
def _series(customer_id: str, resource_id: str, feature_id: str) -> tuple[Series, bool]:
    """The series, and whether its ids are right."""
    mistakes = Mistakes()
    series = Series(customer_id, resource_id, feature_id)
    check_series(series, "", mistakes)
    return series, not mistakes.found


def series_to_proto(series: Series) -> pb.Series:
    """The series as the contract shows it."""
    return pb.Series(customer_id=series.customer_id, resource_id=series.resource_id, feature_id=series.feature_id)


def periods_from_proto(message: pb.Recurrence, path: str) -> Periods:
    """The recurrence, or None for the endless period.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    if message.interval == pb.INTERVAL_UNSPECIFIED:
        if message.HasField("anchor_time") or message.time_zone:
            raise invalid(FieldViolation(path, "must have neither anchor nor zone where it has no interval"))
        return None
    mistakes = Mistakes()
    interval = _INTERVALS.get(message.interval)
    if interval is None:
        mistakes.add(f"{path}.interval", "must be one of the named intervals")
    if not message.HasField("anchor_time"):
        mistakes.add(f"{path}.anchor_time", "is required with an interval")
    anchor = mistakes.attempt(timestamp_from_proto, message.anchor_time, f"{path}.anchor_time")
    mistakes.attempt(check_zone, message.time_zone, f"{path}.time_zone")
    mistakes.check()
    assert interval is not None and anchor is not None  # noqa: S101, PT018 - else a mistake was noted.
    return Recurrence(interval, anchor, message.time_zone)


def periods_to_proto(periods: Periods) -> pb.Recurrence:
    """The recurrence as the contract shows it."""
    if periods is None:
        return pb.Recurrence()
    return pb.Recurrence(
        interval=_INTERVALS_TO_PROTO[periods.interval],
        anchor_time=timestamp_to_proto(periods.anchor),
        time_zone=periods.zone,
    )


def trackers_from_proto(request: service_pb.RegisterTrackersRequest) -> list[tuple[Series, Periods]]:
    """What each tracker counts, and in which periods.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    if not 1 <= len(request.trackers) <= MAX_TRACKERS:
        message = f"must hold 1 to {MAX_TRACKERS:,} trackers, not {len(request.trackers):,}"
        raise invalid(FieldViolation("trackers", message))
    mistakes = Mistakes()
    wanted = [
        tracker_from_proto(tracker, f"trackers[{index}]", mistakes) for index, tracker in enumerate(request.trackers)
    ]
    mistakes.check()
    return wanted


def lookups_from_proto(
    request: service_pb.BatchGetWindowsRequest,
) -> list[tuple[tuple[Series, Periods], datetime]]:
    """Which trackers are asked for, and at which instants.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    if not 1 <= len(request.lookups) <= MAX_TRACKERS:
        message = f"must hold 1 to {MAX_TRACKERS:,} lookups, not {len(request.lookups):,}"
        raise invalid(FieldViolation("lookups", message))
    mistakes = Mistakes()
    lookups = [
        _lookup_from_proto(lookup, f"lookups[{index}]", mistakes) for index, lookup in enumerate(request.lookups)
    ]
    mistakes.check()
    return lookups


def tracker_from_proto(message: pb.Tracker, path: str, mistakes: Mistakes) -> tuple[Series, Periods]:
    """What a tracker counts, and in which periods; every mistake is noted."""
    series = series_from_proto(message.series, f"{path}.series", mistakes)
    periods = mistakes.attempt(periods_from_proto, message.recurrence, f"{path}.recurrence")
    return series, periods


def _lookup_from_proto(
    message: service_pb.WindowLookup, path: str, mistakes: Mistakes
) -> tuple[tuple[Series, Periods], datetime]:
    wanted = tracker_from_proto(message.tracker, f"{path}.tracker", mistakes)
    if not message.HasField("time"):
        mistakes.add(f"{path}.time", "is required")
    time = mistakes.attempt(timestamp_from_proto, message.time, f"{path}.time") or EPOCH
    if not covers(wanted[1], time):
        mistakes.add(f"{path}.time", "must not be before the recurrence's anchor")
    return wanted, time


def tracker_to_proto(tracker: Tracker) -> pb.Tracker:
    """The tracker with its id."""
    return pb.Tracker(
        id=tracker.id, series=series_to_proto(tracker.series), recurrence=periods_to_proto(tracker.periods)
    )


def window_to_proto(window: Window) -> pb.Window:
    """The window as the contract shows it."""
    message = pb.Window()
    show_window(window, message)
    return message


def show_window(window: Window, message: pb.Window) -> None:
    """Fills in an empty message: what is shown within another one need not be copied."""
    message.tracker_id, message.revision = window.tracker.id, window.revision
    series = message.series
    series.customer_id, series.resource_id, series.feature_id = window.tracker.series
    if window.span is not None:
        message.period.CopyFrom(period_to_proto(window.span))
    message.value = decimal_to_proto(window.value)
    if window.reserved:
        message.reserved = decimal_to_proto(window.reserved)
