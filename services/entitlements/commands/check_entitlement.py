"""Decides whether a customer may use a feature, from memory."""

from datetime import datetime

from entitlements.commands.find_feature import FindFeature
from entitlements.commands.fresh_entry import FreshEntry
from entitlements.commands.keep_fresh import KeepFresh
from entitlements.commands.shadow_counts import ShadowCounts
from entitlements.domain.decision import Decision
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature
from entitlements.domain.memory import Memory
from entitlements.domain.request import Check, Freshness, Shown
from entitlements.domain.usage import HeldWindow
from entitlements.messages.shown import decision_to_bytes
from kernel.clock import Clock


class CheckEntitlement:
    """Decides; for a customer that is held and a feature that it has, without waiting for anything."""

    def __init__(
        self,
        memory: Memory,
        fresh: FreshEntry,
        *,
        find_feature: FindFeature,
        keep_fresh: KeepFresh,
        shadow: ShadowCounts,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._fresh = fresh
        self._find_feature = find_feature
        self._keep_fresh = keep_fresh
        self._shadow = shadow
        self._clock = clock

    def at_once(self, customer_id: str, feature_id: str, real: datetime) -> Shown | None:
        """The answer to a bare check where it was given before and still holds.

        Args:
            customer_id: The customer.
            feature_id: The feature.
            real: What time it is.
        """
        entry = self._memory.get(customer_id)
        held = None if entry is None else entry.features.get(feature_id)
        if entry is None or held is None or held.prepared is None:
            return None
        prepared = held.prepared
        if not prepared.holds(held.feature, entry.now(real)):
            return None
        return prepared.shown, self._memory.as_of(entry, prepared.windows)

    async def __call__(self, check: Check, freshness: Freshness | None) -> Shown:
        """The answer.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: something that is not known yet, or not freshly enough, cannot be read.
        """
        entry = self._memory.get(check.customer_id) if freshness is None else None
        if entry is None:
            entry = await self._fresh(check.customer_id, freshness, feature_id=check.feature_id)
        held = entry.features.get(check.feature_id)
        feature = held.feature if held is not None else await self.find_feature(check.feature_id, freshness)
        return self.answer(check, entry, feature)

    def answer(self, check: Check, entry: Entry, feature: Feature | None) -> Shown:
        """The answer from what is known, counted where it is granted only in shadow mode."""
        now = entry.now(self._clock.now())
        decision = self.decide(entry, check, feature, now=now)
        shown = decision_to_bytes(decision)
        if decision.shadowed:
            self._shadow.note(decision)
        elif check.is_bare:
            self._memory.remember(entry, check.feature_id, shown=shown, now=now)
        return shown, decision.as_of

    async def find_feature(self, feature_id: str, freshness: Freshness | None) -> Feature | None:
        """A feature that the customer does not have; None where there is none. Raises as the call does."""
        if freshness is not None and freshness.current:
            return await self._find_feature.surely(feature_id)
        return await self._find_feature(feature_id)

    def decide(self, entry: Entry, check: Check, feature: Feature | None, *, now: datetime) -> Decision:
        """The decision from an entry at the customer's time, with how fresh it is."""
        decision = entry.decide(check.feature_id, feature, requested=check.requested, values=check.values, now=now)
        decision.as_of = self._memory.as_of(entry, _windows(entry, decision, now))
        if entry.unread:
            entry.unread = False
            self._keep_fresh.usage_unread([entry.customer_id])
        return decision


def _windows(entry: Entry, decision: Decision, now: datetime) -> list[HeldWindow] | None:
    if decision.standing is None:
        return None
    windows = (tracker.at(now) for tracker in entry.features[decision.feature_id].trackers())
    return [window for window in windows if window is not None]
