"""Usage as a replica knows it: the newest window of each period that matters, and how much newer it may be."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from kernel.period import Period
from kernel.quantity import EXACT, ZERO
from kernel.recurrence import Recurrence

# Windows of later periods kept for a tracker: events may be dated 24 hours ahead, so an hourly reset needs 25. What a
# customer on a test clock sends far ahead is read again when its period begins.
MAX_LATER: Final = 32
# Revisions that a window remembers to be proven: a caller's tokens and some others'. One that is forgotten is read again.
MAX_PROVEN: Final = 32


@dataclass(frozen=True, slots=True)
class Window:
    """One period of a series with its usage, as metering tells of it.

    Attributes:
        resource_id: Empty for the customer as a whole.
        start: None where the period has no beginning.
        end: None where it has no end.
        value: The usage, without what is reserved.
        revision: A newer value has a greater one; 0: no usage fell into the period.
        reserved: What reservations hold of the period.
    """

    customer_id: str
    resource_id: str
    feature_id: str
    start: datetime | None
    end: datetime | None
    value: Decimal
    revision: int
    reserved: Decimal = ZERO

    @property
    def used(self) -> Decimal:
        """What counts as used: the usage, and what is reserved."""
        return EXACT.add(self.value, self.reserved) if self.reserved else self.value


@dataclass(frozen=True, slots=True)
class Tracker:
    """Counts a feature's usage of a customer in the periods of a recurrence; None is one endless period."""

    customer_id: str
    feature_id: str
    recurrence: Recurrence | None


class HeldWindow:
    """The usage of one period in memory. Not frozen, because it changes with every frame.

    Attributes:
        used: The usage, and what is reserved; 0 where no usage fell into the period, or none is known.
        reserved: What is reserved.
        revision: Of the value; 0 where no usage is known.
        read_time: When the newest reading of it began, in real time; None: it was never read.
        proven: Revisions that a token named and a reading proved to be in the value, although they are greater than its own:
            they concern other series. Such a proof is good for the very revision only: revisions of different series are not
            acknowledged in their order, so a smaller one may have come later than the reading.
    """

    __slots__ = ("end", "proven", "read_time", "reserved", "revision", "start", "used")

    def __init__(self, start: datetime | None, end: datetime | None) -> None:
        self.start = start
        self.end = end
        self.used = ZERO
        self.reserved = ZERO
        self.revision = 0
        self.read_time: datetime | None = None
        self.proven: tuple[int, ...] = ()

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in the period."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)

    @property
    def is_known(self) -> bool:
        """Whether the value is the period's: it was read, or told by a frame."""
        return self.read_time is not None or self.revision > 0

    def includes(self, revisions: Collection[int]) -> bool:
        """Whether the value is known and every one of these changes is in it, as far as it concerns the window.

        Within one series revisions are acknowledged in their order: a value of at least a change's revision includes it.
        """
        return self.is_known and all(revision <= self.revision or revision in self.proven for revision in revisions)

    def take(self, window: Window) -> None:
        """Takes the value over if it is newer."""
        if window.revision > self.revision:
            self.used = window.used
            self.reserved = window.reserved
            self.revision = window.revision


# Nearly all trackers hold no later window.
_NONE: Final[Mapping[tuple[datetime | None, datetime | None], HeldWindow]] = MappingProxyType({})


class HeldTracker:
    """The windows of one tracker in memory: the customer's current one, and later ones that were heard of already."""

    __slots__ = ("current", "customer_id", "feature_id", "later", "recurrence")

    def __init__(self, tracker: Tracker) -> None:
        self.customer_id = tracker.customer_id
        self.feature_id = tracker.feature_id
        self.recurrence = tracker.recurrence
        self.current: HeldWindow | None = HeldWindow(None, None) if tracker.recurrence is None else None
        self.later: Mapping[tuple[datetime | None, datetime | None], HeldWindow] = _NONE

    @property
    def tracker(self) -> Tracker:
        """Whose usage it is, counted in which periods."""
        return Tracker(self.customer_id, self.feature_id, self.recurrence)

    def at(self, now: datetime) -> HeldWindow | None:
        """The window that holds the instant; a passed boundary reads as zero at once. None before the first period."""
        window = self.current
        if window is not None and window.holds(now):
            return window
        return self._roll(now)

    def apply(self, window: Window) -> HeldWindow | None:
        """Takes over the value of the period if it is newer; gives where it is held now, None for one that is past."""
        current, recurrence = self.current, self.recurrence
        if current is None and recurrence is not None and (window.start is None or window.start < recurrence.anchor):
            # Of another tracker: the first period is still to come.
            return None
        if current is not None and window.start == current.start and window.end == current.end:
            current.take(window)
            return current
        if current is not None and (window.start is None or current.end is None or window.start < current.end):
            return None
        key = (window.start, window.end)
        held = self.later.get(key)
        if held is None:
            if len(self.later) >= MAX_LATER:
                return None
            held = HeldWindow(window.start, window.end)
            self.later = {**self.later, key: held}
        held.take(window)
        return held

    def take_read(self, window: Window, *, proven: Collection[int], at: datetime) -> None:
        """Takes over a window that was read.

        Args:
            window: As metering answered it.
            proven: Revisions that were acknowledged before the reading began.
            at: When the reading began, in real time.
        """
        held = self.apply(window)
        if held is not None:
            held.proven = _newest(proven, held)
            if held.read_time is None or held.read_time < at:
                held.read_time = at

    def _roll(self, now: datetime) -> HeldWindow | None:
        recurrence = self.recurrence
        period = _period_at(recurrence, now) if recurrence is not None else None
        if period is None:
            return None
        passed, later = self.current, dict(self.later)
        if passed is not None and passed.start is not None and passed.start >= period.end:
            # The machine's clock was set back over a boundary.
            later[passed.start, passed.end] = passed
        self.current = later.pop((period.start, period.end), None) or HeldWindow(period.start, period.end)
        self.later = {key: held for key, held in later.items() if held.start and held.start >= period.end} or _NONE
        return self.current


# Trackers that count in the same periods begin a new one together, and share its bounds.
@lru_cache(maxsize=16)
def _period_at(recurrence: Recurrence, now: datetime) -> Period | None:
    return recurrence.period_at(now)


def _newest(proven: Collection[int], held: HeldWindow) -> tuple[int, ...]:
    """What a window remembers to be proven: nothing that its own revision tells already."""
    needed = (revision for revision in dict.fromkeys((*held.proven, *proven)) if revision > held.revision)
    return tuple(needed)[-MAX_PROVEN:]
