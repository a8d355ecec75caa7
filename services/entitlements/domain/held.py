"""What entries are made of. These classes change in place and are not dataclasses: a replica holds a great many of them, and
reads them on every check.
"""

from collections.abc import Iterator
from datetime import datetime

from entitlements.domain.customer import Subscription, TestClock
from entitlements.domain.entitlement import Entitlement
from entitlements.domain.feature import Feature
from entitlements.domain.usage import HeldTracker


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


class HeldFeature:
    """A feature that some subscription of the customer grants."""

    __slots__ = ("entitlements", "feature")

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.entitlements: list[HeldEntitlement] = []

    def live(self, now: datetime) -> list[HeldEntitlement]:
        """The entitlements whose subscription gives access now."""
        return [held for held in self.entitlements if held.subscription.gives_access(now)]

    def trackers(self) -> Iterator[HeldTracker]:
        """The trackers that its usage is counted with."""
        return (held.tracker for held in self.entitlements if held.tracker is not None)
