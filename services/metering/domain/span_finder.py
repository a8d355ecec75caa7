"""Which period of a recurrence an instant lies in, remembered: finding one again costs a fiftieth of computing it."""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from metering.domain.gathered import Reading
from metering.domain.meter_set import Readings
from metering.domain.tracker import EPOCH, Periods, Span, Window, covers, microseconds, span_at

# Periods that are remembered, over all recurrences; then all are forgotten. 100,000 are some 40 MB.
MOST_REMEMBERED: Final = 100_000


@dataclass(slots=True)
class _Known:
    """Periods of one recurrence that were met, in order: parallel columns."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


class SpanFinder:
    """Remembers the periods that it met."""

    def __init__(self) -> None:
        self._known: dict[Periods, _Known] = {}
        self._count = 0

    def at(self, periods: Periods, time: int) -> Span:
        """The period that contains the time, in microseconds since 1970.

        Raises:
            ValueError: It is before the first period.
        """
        if periods is None:
            return None
        known = self._known_of(periods)
        place = self._place(periods, known, time)
        if place is None:
            raise ValueError("no period contains an instant before the anchor")
        return known.spans[place]

    def spread(self, periods: Periods, readings: Readings) -> dict[Span, list[Reading]]:
        """The values of a batch by the period that they fall into; without those from before the first period."""
        if periods is None:
            return {None: readings.values}
        known = self._known_of(periods)
        place = self._place(periods, known, min(readings.times))
        # Nearly always a batch lies within one period.
        if place is not None and max(readings.times) < known.ends[place]:
            return {known.spans[place]: readings.values}
        found: dict[Span, list[Reading]] = {}
        for time, value in zip(readings.times, readings.values, strict=True):
            place = self._place(periods, known, time)
            if place is not None:
                found.setdefault(known.spans[place], []).append(value)
        return found

    def _known_of(self, periods: Periods) -> _Known:
        if self._count >= MOST_REMEMBERED:
            self._known.clear()
            self._count = 0
        return self._known.setdefault(periods, _Known())

    def _place(self, periods: Periods, known: _Known, time: int) -> int | None:
        place = bisect_right(known.starts, time) - 1
        if place >= 0 and time < known.ends[place]:
            return place
        at = EPOCH + timedelta(microseconds=time)
        if not covers(periods, at):
            return None
        span = span_at(periods, at)
        assert span is not None  # noqa: S101 - the recurrence is not endless.
        known.starts.insert(place + 1, microseconds(span.start))
        known.ends.insert(place + 1, microseconds(span.end))
        known.spans.insert(place + 1, span)
        self._count += 1
        return place + 1


def newest_in(window: Window, readings: Readings) -> datetime:
    """The time of the newest of the readings that lies in the window, which holds at least one."""
    times, span = readings.times, window.span
    if span is not None:
        start, end = microseconds(span.start), microseconds(span.end)
        times = [time for time in times if start <= time < end]
    return EPOCH + timedelta(microseconds=max(times))
