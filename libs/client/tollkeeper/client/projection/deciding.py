"""The decision, as the service would make it from the same state: the same order of reasons, the same most generous source. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Context, Decimal, Inexact
from typing import Final

from tollkeeper.client.decision import Decision, FeatureType, Reason
from tollkeeper.client.projection import explanation
from tollkeeper.client.projection.state import CustomerState, Entitlement, Holding
from tollkeeper.client.wire import Period

_ZERO: Final = Decimal(0)
# Sums of any quantities that the contract carries are exact in it.
_EXACT: Final = Context(prec=100, traps=[Inexact])


def decide(
    state: CustomerState, feature_id: str, *, requested: Decimal, values: Sequence[str], real: datetime
) -> Decision:
    """Whether the customer may use the feature.

    Args:
        state: Of the customer.
        feature_id: The feature.
        requested: For a metered feature: how much more is wanted.
        values: For an enum feature: the values wanted.
        real: What time it is.
    """
    now = state.now(real)
    entitlement = state.entitlements.get(feature_id)
    if entitlement is None:
        return _absent(state, feature_id, None, now=now)
    live = [holding for holding in entitlement.holdings if _is_live(holding, now)]
    if not live:
        decided = _absent(state, feature_id, entitlement.feature_type, now=now)
    elif entitlement.revoked:
        sentence = explanation.revoked(state.customer_id, feature_id)
        decided = Decision(False, Reason.REVOKED, sentence, feature_id, entitlement.feature_type)
    else:
        decided = _decide_granted(entitlement, live, requested=requested, values=values, now=now)
    if entitlement.shadow_mode and not decided.granted:
        return replace(decided, granted=True, shadowed=True)
    return decided


def _is_live(holding: Holding, now: datetime) -> bool:
    return holding.end_time is None or now < holding.end_time


def _absent(state: CustomerState, feature_id: str, feature_type: FeatureType | None, *, now: datetime) -> Decision:
    reason = state.absent_reason
    holdings = [holding for entitlement in state.entitlements.values() for holding in entitlement.holdings]
    if holdings and not any(_is_live(holding, now) for holding in holdings):
        # Whatever gave access has passed, and the message that says so is still to come.
        reason = Reason.NO_ACTIVE_SUBSCRIPTION
    sentence = explanation.absent(reason, state.customer_id, feature_id)
    return Decision(False, reason, sentence, feature_id, feature_type)


def _decide_granted(
    entitlement: Entitlement, live: Sequence[Holding], *, requested: Decimal, values: Sequence[str], now: datetime
) -> Decision:
    match entitlement.feature_type:
        case FeatureType.METERED:
            standings = [_standing(holding, now) for holding in live]
            best = max(standings, key=lambda holding: _generosity(holding, requested))
            return _decide_metered(entitlement, best, requested)
        case FeatureType.NUMERIC:
            return _decide_numeric(entitlement, live)
        case FeatureType.ENUM:
            return _decide_enum(entitlement, live, values)
        case _:
            sentence = explanation.included(entitlement.feature_id, live[0].source)
            return _granted(entitlement, live[0], sentence)


def _granted(entitlement: Entitlement, holding: Holding, sentence: str) -> Decision:
    return Decision(
        True, Reason.INCLUDED, sentence, entitlement.feature_id, entitlement.feature_type, source=holding.source
    )


def _decide_numeric(entitlement: Entitlement, live: Sequence[Holding]) -> Decision:
    best = max(live, key=lambda holding: holding.numeric_value or _ZERO)
    number = best.numeric_value or _ZERO
    return replace(_granted(entitlement, best, explanation.number_included(entitlement, number)), numeric_value=number)


def _decide_enum(entitlement: Entitlement, live: Sequence[Holding], requested: Sequence[str]) -> Decision:
    feature_id = entitlement.feature_id
    values = tuple(sorted({value for holding in live for value in holding.values}))
    best = next((holding for holding in live if set(requested) <= set(holding.values)), live[0])
    granted = replace(_granted(entitlement, best, explanation.values_included(feature_id, values)), values=values)
    missing = [value for value in dict.fromkeys(requested) if value not in values]
    if not missing:
        return granted
    sentence = explanation.value_not_granted(feature_id, missing, values)
    return replace(granted, granted=False, reason=Reason.VALUE_NOT_GRANTED, explanation=sentence)


def _standing(holding: Holding, now: datetime) -> Holding:
    """The holding with its usage now: a passed boundary reads as zero, though the next period's end is not known yet."""
    end = holding.usage_period.end
    if end is None or now < end:
        return holding
    return replace(holding, usage=_ZERO, reserved_usage=None, usage_period=Period(end, None))


def _generosity(holding: Holding, requested: Decimal) -> tuple[int, Decimal]:
    """Unlimited, then soft, then any with room, then the rest; among equals the higher limit."""
    if holding.limit is None:
        return 3, _ZERO
    if holding.soft_limit:
        return 2, holding.limit
    return int(_EXACT.add(holding.usage, requested) <= holding.limit), holding.limit


def _decide_metered(entitlement: Entitlement, holding: Holding, requested: Decimal) -> Decision:
    usage, limit = holding.usage, holding.limit
    granted, remaining = True, None
    if limit is None:
        reason, sentence = Reason.UNLIMITED, explanation.unlimited(entitlement, usage)
    else:
        remaining = max(_EXACT.subtract(limit, usage), _ZERO)
        beyond = _EXACT.subtract(_EXACT.add(usage, requested), limit)
        if beyond <= 0:
            reason = Reason.WITHIN_LIMIT
            sentence = explanation.within_limit(entitlement, usage, limit=limit, requested=requested)
        else:
            granted = holding.soft_limit
            reason = Reason.OVER_SOFT_LIMIT if granted else Reason.LIMIT_EXCEEDED
            sentence = explanation.over_limit(
                entitlement, usage, limit=limit, requested=requested, beyond=beyond, soft=granted
            )
    return Decision(
        granted,
        reason,
        sentence,
        entitlement.feature_id,
        FeatureType.METERED,
        limit=limit,
        unlimited=limit is None,
        soft_limit=holding.soft_limit,
        usage=usage,
        reserved_usage=holding.reserved_usage,
        remaining=remaining,
        usage_period=holding.usage_period,
        next_reset_time=holding.usage_period.end,
        source=holding.source,
    )
