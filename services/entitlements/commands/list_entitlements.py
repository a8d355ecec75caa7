"""Lists what a customer may do and has used."""

from collections.abc import Sequence
from typing import Final

from entitlements.commands.check_entitlement import CheckEntitlement
from entitlements.commands.fresh_entry import FreshEntry
from entitlements.domain.decision import Decision
from entitlements.domain.request import Check, Freshness
from kernel.clock import Clock
from kernel.errors import not_found

_CURRENT: Final = Freshness(current=True)


class ListEntitlements:
    """One decision for each feature of the live subscriptions."""

    def __init__(self, fresh: FreshEntry, check: CheckEntitlement, *, clock: Clock) -> None:
        self._fresh = fresh
        self._check = check
        self._clock = clock

    async def __call__(self, customer_id: str, freshness: Freshness | None) -> Sequence[Decision]:
        """The decisions in the order of feature ids, as a check of one unit and no value would answer each.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`; `DEPENDENCY_UNAVAILABLE` as for a check.
        """
        entry = await self._fresh(customer_id, freshness, feature_id=None)
        if entry.customer is None:
            # An error is worth a question: the customer may have been born since.
            entry = await self._fresh(customer_id, _CURRENT, feature_id=None)
        if entry.customer is None:
            raise not_found("CUSTOMER_NOT_FOUND", f"No customer has the id {customer_id}.", customer_id=customer_id)
        now = entry.now(self._clock.now())
        live = [entry.features[feature_id] for feature_id in sorted(entry.features) if entry.live(feature_id, now)]
        return [self._check.decide(entry, Check(customer_id, held.feature.id), held.feature, now=now) for held in live]
