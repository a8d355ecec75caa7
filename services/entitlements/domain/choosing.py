"""From the entitlements that are granted now, of all subscriptions together, to the decision; and how long it stays right."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from entitlements.domain import decision
from entitlements.domain.decision import Decision, Standing
from entitlements.domain.entitlement import Allowance, Included, Number, Values
from entitlements.domain.feature import Feature
from entitlements.domain.held import HeldEntitlement, HeldFeature, Prepared


def decide_granted(
    feature: Feature,
    live: Sequence[HeldEntitlement],
    *,
    requested: Decimal,
    values: Sequence[str],
    standing: Callable[[HeldEntitlement, datetime], Standing],
    now: datetime,
) -> Decision:
    """The decision for a feature that at least one subscription grants now.

    Args:
        feature: The feature.
        live: What is granted of it, the oldest subscription first.
        requested: For a metered feature: how much more is wanted.
        values: For an enum feature: the values wanted.
        standing: An entitlement with its usage at an instant.
        now: The customer's time.
    """
    grant = live[0].grant
    if isinstance(grant, Allowance):
        standings = [standing(held, now) for held in live]
        return decision.decide_metered(feature, decision.most_generous(standings, requested), requested)
    if isinstance(grant, Included):
        return decision.decide_boolean(feature, [item.source for item in live])
    if isinstance(grant, Number):
        numbers = [(item.source, item.grant.value) for item in live if isinstance(item.grant, Number)]
        return decision.decide_numeric(feature, numbers)
    sets = [(item.source, item.grant.values) for item in live if isinstance(item.grant, Values)]
    return decision.decide_enum(feature, sets, values)


def prepared(shown: bytes, held: HeldFeature, *, now: datetime) -> Prepared | None:
    """The answer to a bare check, to be given again while nothing that it rests on is another; None where that cannot be told."""
    live = held.live(now)
    if len(live) != 1:
        # Which of several decides may change with any of them.
        return None
    (only,) = live
    window = None if only.tracker is None else only.tracker.at(now)
    if window is not None and not window.is_known:
        return None
    others = [other.phase for other in held.entitlements if other is not only]
    return Prepared(shown, only, feature=held.feature, window=window, others=others, now=now)
