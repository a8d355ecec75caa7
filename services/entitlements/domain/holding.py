"""From everything about a customer to what its entry holds: the features, each with its sources, phases and trackers."""

from collections.abc import Iterable
from dataclasses import dataclass

from entitlements.domain.control import Control, tracker_of
from entitlements.domain.entitlement import Entitlement
from entitlements.domain.held import HeldEntitlement, HeldFeature, HeldPhase, HeldSubscription
from entitlements.domain.promotional_grant import resolve_grant
from entitlements.domain.subscription import Phase
from entitlements.domain.usage import HeldTracker


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an entry holds.

    Attributes:
        features: Of each the sources in the order in which they decide among equals: subscriptions, the oldest first, then
            promotional grants.
        subscriptions: The oldest first.
    """

    features: dict[str, HeldFeature]
    subscriptions: tuple[HeldSubscription, ...]


def hold(control: Control, trackers: Iterable[HeldTracker]) -> Holdings:
    """What the entry of a customer holds.

    Args:
        control: Everything about the customer but its usage.
        trackers: Those that are held already; they are kept with what they count.
    """
    held = _Holding(control, trackers)
    subscriptions = tuple(HeldSubscription(subscription) for subscription, _ in control.holdings)
    for held_subscription, (_, entitlements) in zip(subscriptions, control.holdings, strict=True):
        phases: dict[Phase, HeldPhase | None] = {}
        for entitlement in entitlements:
            if entitlement.phase not in phases:
                phases[entitlement.phase] = held_subscription.within(entitlement.phase)
            held.add(entitlement, phases[entitlement.phase])
    for grant in control.grants:
        held.add(resolve_grant(grant), HeldPhase(grant.start_time, grant.expire_time))
    return Holdings(held.features, subscriptions)


class _Holding:
    """The features so far."""

    def __init__(self, control: Control, trackers: Iterable[HeldTracker]) -> None:
        self.features: dict[str, HeldFeature] = {}
        self._control = control
        self._trackers = {tracker.tracker: tracker for tracker in trackers}

    def add(self, entitlement: Entitlement, phase: HeldPhase | None) -> None:
        """Holds the entitlement for the phase; None: it never grants anything."""
        if phase is None:
            return
        tracker = tracker_of(self._control.customer.id, entitlement)
        held_tracker = None if tracker is None else self._trackers.setdefault(tracker, HeldTracker(tracker))
        held = HeldEntitlement(entitlement, phase, held_tracker)
        feature = self.features.get(entitlement.feature_id)
        if feature is None:
            described = self._control.features[entitlement.feature_id]
            self.features[entitlement.feature_id] = HeldFeature(described, held)
        else:
            feature.add(held)
