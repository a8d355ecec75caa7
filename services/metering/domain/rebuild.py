"""Comparing windows with the stored data: which are looked at, and how far it has come."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from kernel.recurrence import Recurrence
from metering.domain.tracker import EPOCH, Place, microseconds

# What is listed of windows that differ; beyond, their number says more.
MOST_LISTED: Final = 100

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which windows are compared: those of these series that share an instant with the range. An endless one always does.

    Attributes:
        customer_id: Empty: every customer.
        feature_id: Empty: every feature.
        start: None: from the first.
        end: Exclusive; None: to the last.
    """

    customer_id: str = ""
    feature_id: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def reach(self, periods: Recurrence) -> tuple[datetime, datetime | None] | None:
        """Where the first period begins and where the last ends, None if nowhere; None for all: no period is in the range."""
        anchor = periods.anchor
        if self.end is not None and self.end <= anchor:
            return None
        first = None if self.start is None else periods.period_at(self.start)
        last = None if self.end is None else periods.period_at(self.end - _INSTANT)
        return (anchor if first is None else first.start), (None if last is None else last.end)


def first_told(periods: Recurrence, start: datetime, horizon: int) -> datetime:
    """Where the first period at or after `start` begins that nothing was let go of.

    Args:
        periods: The recurrence.
        start: Where one of its periods begins.
        horizon: Raw events before it may be gone; microseconds since 1970, 0 where none are.
    """
    if microseconds(start) >= horizon:
        return start
    period = periods.period_at(EPOCH + timedelta(microseconds=horizon) - _INSTANT)
    return start if period is None else period.end


@dataclass(frozen=True, slots=True)
class Wrong:
    """A window that differs from the stored data.

    Attributes:
        value: What it holds.
        right: What it should hold; the same where only what lies beneath the value differs.
    """

    place: Place
    value: Decimal
    right: Decimal


@dataclass(slots=True)
class Progress:
    """How far it has come. Not frozen: it grows for as long as an operator watches.

    Attributes:
        series_total: In the scope, when it began.
        windows: Compared.
        left_alone: Windows that begin before the horizon of raw events: what is stored cannot tell what they should hold.
        differing: Windows that differ.
        repaired: Those of them that were put right; one that changed in between was right already.
        listed: The first that differ.
    """

    series_total: int
    series: int = 0
    windows: int = 0
    left_alone: int = 0
    differing: int = 0
    repaired: int = 0
    listed: list[Wrong] = field(default_factory=list)

    def note(self, wrong: Wrong) -> None:
        """Counts a window that differs, and lists it if it is among the first."""
        self.differing += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(wrong)
