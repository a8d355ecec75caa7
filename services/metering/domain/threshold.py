"""Limits over trackers, and which shares of them usage has reached. A limit decides nothing here; reaching a share is announced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

from kernel.quantity import EXACT
from metering.domain.series import Series
from metering.domain.tracker import Periods, PlaceKey, Window, span_start

# The contract's bound.
MAX_SPANS: Final = 100
_PERCENT: Final = Decimal("0.01")

# A period of a tracker, and a share of its limit.
Share: TypeAlias = tuple[PlaceKey, int]


@dataclass(frozen=True, slots=True)
class LimitSpan:
    """A limit for a while of the customer's time, half-open.

    Attributes:
        limit: Above 0.
        start: None: it has always stood.
        end: None: until further notice.
    """

    limit: Decimal
    start: datetime | None
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether it stands at the instant."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class TrackerLimits:
    """The limits over a tracker by time; outside of them there is none."""

    series: Series
    periods: Periods
    spans: tuple[LimitSpan, ...]
    entitlement_revision: int


@dataclass(frozen=True, slots=True)
class Crossing:
    """Usage reached a share of its limit.

    Attributes:
        percent: The share.
        time: In the customer's time: that of the usage, or of the change of the limit.
    """

    window: Window
    percent: int
    limit: Decimal
    time: datetime

    @property
    def share(self) -> Share:
        """What is announced once."""
        return self.window.key, self.percent


def limit_at(spans: Iterable[LimitSpan], at: datetime) -> Decimal | None:
    """The limit that stands at the instant; None where there is none."""
    return next((span.limit for span in spans if span.holds(at)), None)


def next_change(spans: Iterable[LimitSpan], after: datetime) -> datetime | None:
    """When another limit stands than at the instant; None: never."""
    edges = (edge for span in spans for edge in (span.start, span.end))
    return min((edge for edge in edges if edge is not None and edge > after), default=None)


class StandingLimits:
    """The limits over a tracker in memory, and the least usage that reaches a share of any. Not frozen: nearly every window of ingest
    is compared with one.
    """

    __slots__ = ("_floor", "_least", "_percents", "spans", "version")

    def __init__(self, version: int, spans: tuple[LimitSpan, ...]) -> None:
        """`version` is the one that they were read at."""
        self.version = version
        self.spans = spans
        self._least = min((span.limit for span in spans), default=None)
        self._percents: tuple[int, ...] = ()
        self._floor: Decimal | None = None

    def may_be_reached(self, value: Decimal, percents: tuple[int, ...]) -> bool:
        """Whether the usage is at least the smallest of these shares of the lowest limit."""
        if percents != self._percents:
            self._percents = percents
            self._floor = None if self._least is None or not percents else _share(self._least, min(percents))
        return self._floor is not None and value >= self._floor


def reaches(value: Decimal, limit: Decimal, percent: int) -> bool:
    """Whether the usage is at least such a share of the limit."""
    return value >= _share(limit, percent)


def _share(limit: Decimal, percent: int) -> Decimal:
    return EXACT.multiply(EXACT.multiply(limit, Decimal(percent)), _PERCENT)


def newest(times: Iterable[tuple[Series, datetime]], window: Window) -> datetime:
    """The newest of the times of usage that lies in the window; the window's start where none does.

    Args:
        times: With the series, or one of its resources, that each concerns.
        window: Of a customer as a whole.
    """
    one, span = window.tracker.series, window.span
    within = (time for which, time in times if which.whole == one and (span is None or span.contains(time)))
    return max(within, default=span_start(span))


def crossings(window: Window, spans: Sequence[LimitSpan], percents: Iterable[int], *, at: datetime) -> list[Crossing]:
    """Every share that the window's usage reaches of the limit that stands at the instant, the smallest first."""
    limit = limit_at(spans, at)
    if limit is None:
        return []
    return [
        Crossing(window, percent, limit, at) for percent in sorted(percents) if reaches(window.value, limit, percent)
    ]
