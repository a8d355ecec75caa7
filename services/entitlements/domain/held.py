"""What entries are made of. These classes change in place and are not dataclasses: a replica holds a great many of them, and
reads them on every check.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from entitlements.domain.customer import Subscription, TestClock
from entitlements.domain.decision import Decision
from entitlements.domain.entitlement import Entitlement
from entitlements.domain.feature import Feature
from entitlements.domain.usage import HeldTracker, HeldWindow

_FAR: Final = datetime.max.replace(tzinfo=UTC)


class HeldClock:
    """A test clock in memory, shared by its customers' entries."""

    __slots__ = ("__weakref__", "id", "revision", "time")

    def __init__(self, clock: TestClock) -> None:
        self.id = clock.id
        self.time = clock.time
        self.revision = clock.revision

    def take(self, clock: TestClock) -> None:
        """Takes the time over if it is newer."""
        if clock.revision > self.revision:
            self.time = clock.time
            self.revision = clock.revision


class HeldSubscription:
    """A subscription in memory: from when to when it gives access."""

    __slots__ = ("access_end", "access_start", "id", "revision")

    def __init__(self, subscription: Subscription) -> None:
        self.id = subscription.id
        self.access_start = subscription.start_time
        self.access_end = subscription.access_end
        self.revision = subscription.revision

    def gives_access(self, now: datetime) -> bool:
        """Whether the customer has access by it at the instant of its own clock."""
        return self.access_start <= now and (self.access_end is None or now < self.access_end)


class HeldEntitlement:
    """What one subscription grants of one feature, in memory."""

    __slots__ = ("entitlement", "subscription", "tracker")

    def __init__(self, entitlement: Entitlement, subscription: HeldSubscription, tracker: HeldTracker | None) -> None:
        self.entitlement = entitlement
        self.subscription = subscription
        self.tracker = tracker


class Prepared:
    """A decision that is given again, as it is, until anything that it rests on is another: the time, the feature's words, or
    the usage. (Another control state makes other entries.) Making an answer costs ten times as much as giving one again.
    """

    __slots__ = ("_feature", "_revision", "_since", "_tracker", "_until", "_window", "decision")

    def __init__(
        self, decision: Decision, held: HeldEntitlement, *, feature: Feature, window: HeldWindow | None
    ) -> None:
        subscription = held.subscription
        self.decision = decision
        self._feature = feature
        self._tracker = held.tracker
        self._window = window
        self._revision = 0 if window is None else window.revision
        starts = [subscription.access_start, None if window is None else window.start]
        ends = [subscription.access_end, None if window is None else window.end]
        self._since = max(start for start in starts if start is not None)
        self._until = min((end for end in ends if end is not None), default=_FAR)

    def holds(self, feature: Feature, now: datetime) -> bool:
        """Whether the decision is still right."""
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
        prepared: The last answer to a check of one unit; None: none can be given again.
    """

    __slots__ = ("entitlements", "feature", "prepared")

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.entitlements: list[HeldEntitlement] = []
        self.prepared: Prepared | None = None

    def live(self, now: datetime) -> list[HeldEntitlement]:
        """The entitlements whose subscription gives access now."""
        return [held for held in self.entitlements if held.subscription.gives_access(now)]

    def trackers(self) -> Iterator[HeldTracker]:
        """The trackers that its usage is counted with."""
        return (held.tracker for held in self.entitlements if held.tracker is not None)
