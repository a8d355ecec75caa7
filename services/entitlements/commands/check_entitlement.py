"""Decides whether a customer may use a feature, from memory."""

from datetime import datetime
from decimal import Decimal

from entitlements.commands.find_feature import FindFeature
from entitlements.commands.fresh_entry import FreshEntry
from entitlements.commands.keep_fresh import KeepFresh
from entitlements.domain.decision import Decision
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature
from entitlements.domain.memory import Memory
from entitlements.domain.request import Check
from entitlements.domain.usage import HeldWindow
from kernel.clock import Clock


class CheckEntitlement:
    """Decides; for a customer that is held and a feature that it has, without waiting for anything."""

    def __init__(
        self, memory: Memory, fresh: FreshEntry, *, find_feature: FindFeature, keep_fresh: KeepFresh, clock: Clock
    ) -> None:
        self._memory = memory
        self._fresh = fresh
        self._find_feature = find_feature
        self._keep_fresh = keep_fresh
        self._clock = clock

    async def __call__(self, check: Check) -> Decision:
        """The decision.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: something that is not known yet, or not freshly enough, cannot be read.
        """
        entry = self._memory.get(check.customer_id) if check.freshness is None else None
        if entry is None:
            entry = await self._fresh(check.customer_id, check.freshness, feature_id=check.feature_id)
        held = entry.features.get(check.feature_id)
        if held is not None:
            feature: Feature | None = held.feature
        elif check.freshness is not None and check.freshness.current:
            feature = await self._find_feature.surely(check.feature_id)
        else:
            feature = await self._find_feature(check.feature_id)
        return self.decide(entry, check.feature_id, feature, requested=check.requested, values=check.values)

    def decide(
        self, entry: Entry, feature_id: str, feature: Feature | None, *, requested: Decimal, values: tuple[str, ...]
    ) -> Decision:
        """The decision from an entry, with how fresh it is."""
        now = entry.now(self._clock.now())
        decision = entry.decide(feature_id, feature, requested=requested, values=values, now=now)
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
