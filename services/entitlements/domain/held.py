"""What entries are made of. These classes change in place and are not dataclasses: a replica holds a great many of them, and
reads them on every check.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from entitlements.domain.customer import TestClock
from entitlements.domain.entitlement import Allowance, Entitlement, Granted
from entitlements.domain.feature import Feature
from entitlements.domain.subscription import Phase, Subscription
from entitlements.domain.usage import HeldTracker, HeldWindow

_FAR: Final = datetime.max.replace(tzinfo=UTC)


class HeldClock:
    """A test clock in memory, shared by its customers' entries."""

    __slots__ = ("__weakref__", "id", "revision", "time")

    def __init__(self, clock: TestClock) -> None:
        self.id = clock.id
        self.time = clock.time
        self.revision = clock.revision

    def take(self, clock: TestClock) -> bool:
        """Takes the time over if it is newer; whether it was."""
        if clock.revision <= self.revision:
            return False
        self.time = clock.time
        self.revision = clock.revision
        return True


class HeldPhase:
    """A span of the customer's time in which something is granted."""

    __slots__ = ("end", "start")

    def __init__(self, start: datetime, end: datetime | None) -> None:
        self.start = start
        self.end = end

    def holds(self, now: datetime) -> bool:
        """Whether it is granted at the instant of the customer's clock."""
        return self.start <= now and (self.end is None or now < self.end)


class HeldSubscription:
    """A subscription in memory.

    Attributes:
        access: From when to when it gives access; None: it gives none.
    """

    __slots__ = ("access", "subscription")

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        start = subscription.access_start
        self.access = None if start is None else HeldPhase(start, subscription.access_end)

    def gives_access(self, now: datetime) -> bool:
        """Whether the customer has access by it at the instant of its own clock."""
        return self.access is not None and self.access.holds(now)

    def names(self, plan_id: str) -> bool:
        """Whether it is, or will be, to the plan."""
        subscription = self.subscription
        later = subscription.scheduled
        return subscription.terms.plan_id == plan_id or (later is not None and later.terms.plan_id == plan_id)

    def within(self, phase: Phase) -> HeldPhase | None:
        """The part of the phase in which it gives access; None where there is none."""
        if self.access is None or (phase.since is None and phase.until is None):
            return self.access
        start = self.access.start if phase.since is None else max(phase.since, self.access.start)
        ends = [end for end in (phase.until, self.access.end) if end is not None]
        end = min(ends, default=None)
        return None if end is not None and end <= start else HeldPhase(start, end)


# More different grants than plans and add-ons of a catalog hold; of about 100 bytes.
@lru_cache(maxsize=10_000)
def _the_same(grant: Granted) -> Granted:
    return grant


def _shared(grant: Granted) -> Granted:
    """One of all grants that are equal but for their periods."""
    return _the_same(replace(grant, recurrence=None) if isinstance(grant, Allowance) else grant)


class HeldEntitlement:
    """What one subscription, or one promotional grant, grants of one feature, in memory.

    Attributes:
        grant: Shared with others that are granted the same: the periods of an allowance are its tracker's alone.
    """

    __slots__ = ("grant", "phase", "source", "tracker")

    def __init__(self, entitlement: Entitlement, phase: HeldPhase, tracker: HeldTracker | None) -> None:
        self.source = entitlement.source
        self.grant = _shared(entitlement.grant)
        self.phase = phase
        self.tracker = tracker


class Prepared:
    """An answer that is given again, as it was shown, until anything that it rests on is another: the time, the feature's words,
    or the usage. (Another control state makes other entries.) Making an answer costs ten times as much as giving one again.

    Attributes:
        shown: The answer without its `as_of`.
    """

    __slots__ = ("_feature", "_revision", "_since", "_tracker", "_until", "_window", "shown")

    def __init__(
        self,
        shown: bytes,
        held: HeldEntitlement,
        *,
        feature: Feature,
        window: HeldWindow | None,
        others: Iterable[HeldPhase],
        now: datetime,
    ) -> None:
        """`others` are the phases of the feature's other entitlements, none of which holds now."""
        self.shown = shown
        self._feature = feature
        self._tracker = held.tracker
        self._window = window
        self._revision = 0 if window is None else window.revision
        starts = [held.phase.start, None if window is None else window.start]
        ends = [held.phase.end, None if window is None else window.end]
        for other in others:
            if now < other.start:
                ends.append(other.start)
            else:
                starts.append(other.end)
        self._since = max(start for start in starts if start is not None)
        self._until = min((end for end in ends if end is not None), default=_FAR)

    @property
    def windows(self) -> tuple[HeldWindow, ...] | None:
        """The usage that it rests on; None where none matters."""
        if self._tracker is None:
            return None
        return () if self._window is None else (self._window,)

    def holds(self, feature: Feature, now: datetime) -> bool:
        """Whether the answer is still right."""
        tracker, window = self._tracker, self._window
        return (
            self._since <= now < self._until
            and feature is self._feature
            and (
                tracker is None or (tracker.current is window and (window is None or window.revision == self._revision))
            )
        )


class HeldFeature:
    """A feature that some subscription of the customer grants.

    Attributes:
        prepared: The last answer to a bare check; None: none can be given again.
    """

    __slots__ = ("_first", "_others", "feature", "prepared")

    def __init__(self, feature: Feature, first: HeldEntitlement) -> None:
        self.feature = feature
        self._first = first
        # Nearly all features have one source: they all share the tuple of no others.
        self._others: tuple[HeldEntitlement, ...] = ()
        self.prepared: Prepared | None = None

    @property
    def entitlements(self) -> tuple[HeldEntitlement, ...]:
        """What grants it, now or at other times, in the order in which they decide among equals."""
        return (self._first, *self._others)

    def add(self, entitlement: HeldEntitlement) -> None:
        """One more."""
        self._others += (entitlement,)

    def live(self, now: datetime) -> list[HeldEntitlement]:
        """The entitlements that are granted now."""
        return [held for held in self.entitlements if held.phase.holds(now)]

    def trackers(self) -> Iterator[HeldTracker]:
        """The trackers that its usage is counted with."""
        return (held.tracker for held in self.entitlements if held.tracker is not None)
