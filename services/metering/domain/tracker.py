"""Trackers and their windows: a series counted in the periods of a recurrence."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from kernel.errors import TollkeeperError, not_found
from kernel.period import Period
from kernel.quantity import ZERO
from kernel.recurrence import Recurrence
from metering.domain.series import Series

# None: one endless period that counts everything.
Periods: TypeAlias = Recurrence | None
# None: the endless period.
Span: TypeAlias = Period | None
PlaceKey: TypeAlias = tuple[int, datetime]

# The contract's bound of trackers, and of lookups, in one call.
MAX_TRACKERS: Final = 1_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_A_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Tracker:
    """Counts a series in periods; equal (series, periods) are the same tracker, and trackers are never taken away.

    Attributes:
        id: Assigned by the store.
    """

    id: int
    series: Series
    periods: Periods


class Place(NamedTuple):
    """A period of a tracker."""

    tracker: Tracker
    span: Span

    @property
    def key(self) -> PlaceKey:
        """The tracker's id and the start of the period."""
        return self.tracker.id, span_start(self.span)

    def window(self, value: Decimal, *, revision: int, reserved: Decimal = ZERO) -> "Window":
        """The window there."""
        return Window(self.tracker, self.span, value, revision, reserved)


@dataclass(frozen=True, slots=True)
class Window:
    """One period of a tracker with its usage.

    Attributes:
        span: The period; None for an endless one.
        value: The usage, exact. For a decrease that crosses a boundary of this tracker and not of the one it was decided in,
            it may be below zero: windows are exact sums.
        revision: Of the window's last change; 0 where no usage fell into it.
        reserved: What open reservations hold of the period, beside the value.
    """

    tracker: Tracker
    span: Span
    value: Decimal
    revision: int
    reserved: Decimal = ZERO

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.tracker, self.span)

    @property
    def key(self) -> PlaceKey:
        """Tells windows apart."""
        return self.place.key


def covers(periods: Periods, at: datetime) -> bool:
    """Whether the instant lies in any period: not before the first one."""
    return periods is None or at >= periods.anchor


def span_at(periods: Periods, at: datetime) -> Span:
    """The period that contains the instant.

    Raises:
        ValueError: The instant is before the first period.
    """
    if periods is None:
        return None
    period = periods.period_at(at)
    if period is None:
        raise ValueError("no period contains an instant before the anchor")
    return period


def span_start(span: Span) -> datetime:
    """Where the period starts; for the endless one 1970, before which nothing happens."""
    return EPOCH if span is None else span.start


def microseconds(at: datetime) -> int:
    """The instant as whole microseconds since 1970."""
    delta = at - EPOCH
    return (delta.days * 86_400 + delta.seconds) * _MICROSECONDS_A_SECOND + delta.microseconds


def tracker_not_found(series: Series) -> TollkeeperError:
    """`TRACKER_NOT_FOUND`."""
    return not_found(
        "TRACKER_NOT_FOUND",
        f"No tracker of {series.feature_id} with this recurrence is registered for {series.customer_id}. Register it first.",
        customer_id=series.customer_id,
        resource_id=series.resource_id,
        feature_id=series.feature_id,
    )
