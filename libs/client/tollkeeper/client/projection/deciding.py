"""The decision, as the service would make it from the same state: the same order of reasons, the same most generous source. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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


@dataclass(slots=True)
class Question:
    """What is asked about a feature. Not frozen: one is made for each decision, and a frozen one costs four times as much.

    Attributes:
        requested: For a metered feature: how much more is wanted.
        values: For an enum feature: the values wanted.
        real: What time it is.
        as_of: Until when the state is known to include everything that happened; None: not known.
    """

    feature_id: str
    requested: Decimal
    values: Sequence[str]
    real: datetime
    as_of: datetime | None = None


def decide(state: CustomerState, question: Question) -> Decision:
    """Whether the customer may use the feature."""
    now = state.now(question.real)
    entitlement = state.entitlements.get(question.feature_id)
    if entitlement is None:
        return _absent(state, None, question, now=now)
    live = [holding for holding in entitlement.holdings if holding.end_time is None or now < holding.end_time]
    if not live:
        decided = _absent(state, entitlement.feature_type, question, now=now)
    elif entitlement.revoked:
        sentence = explanation.revoked(state.customer_id, question.feature_id)
        decided = _refused(Reason.REVOKED, sentence, entitlement.feature_type, question)
    else:
        decided = _decide_granted(entitlement, live, question, now=now)
    if entitlement.shadow_mode and not decided.granted:
        return replace(decided, granted=True, shadowed=True)
    return decided


def nobody(customer_id: str, feature_id: str) -> Decision:
    """The decision for a name that no customer can have."""
    reason = Reason.CUSTOMER_UNKNOWN
    return Decision(False, reason, explanation.absent(reason, customer_id, feature_id), feature_id)


def _absent(state: CustomerState, feature_type: FeatureType | None, question: Question, *, now: datetime) -> Decision:
    reason = state.absent_reason
    ends = [holding.end_time for entitlement in state.entitlements.values() for holding in entitlement.holdings]
    if ends and all(end is not None and end <= now for end in ends):
        # Whatever gave access has passed, and the message that says so is still to come.
        reason = Reason.NO_ACTIVE_SUBSCRIPTION
    sentence = explanation.absent(reason, state.customer_id, question.feature_id)
    return _refused(reason, sentence, feature_type, question)


def _refused(reason: Reason, sentence: str, feature_type: FeatureType | None, question: Question) -> Decision:
    return Decision(False, reason, sentence, question.feature_id, feature_type, as_of=question.as_of)


def _decide_granted(
    entitlement: Entitlement, live: Sequence[Holding], question: Question, *, now: datetime
) -> Decision:
    match entitlement.feature_type:
        case FeatureType.METERED:
            return _decide_metered(entitlement, _best_standing(live, question.requested, now), question)
        case FeatureType.NUMERIC:
            return _decide_numeric(entitlement, live, question)
        case FeatureType.ENUM:
            return _decide_enum(entitlement, live, question)
        case _:
            return Decision(
                True,
                Reason.INCLUDED,
                explanation.included(entitlement.feature_id, live[0].source),
                entitlement.feature_id,
                entitlement.feature_type,
                source=live[0].source,
                as_of=question.as_of,
            )


def _decide_numeric(entitlement: Entitlement, live: Sequence[Holding], question: Question) -> Decision:
    best = max(live, key=lambda holding: holding.numeric_value or _ZERO)
    number = best.numeric_value or _ZERO
    return Decision(
        True,
        Reason.INCLUDED,
        explanation.number_included(entitlement, number),
        entitlement.feature_id,
        FeatureType.NUMERIC,
        numeric_value=number,
        source=best.source,
        as_of=question.as_of,
    )


def _decide_enum(entitlement: Entitlement, live: Sequence[Holding], question: Question) -> Decision:
    values = tuple(sorted({value for holding in live for value in holding.values}))
    best = next((holding for holding in live if set(question.values) <= set(holding.values)), live[0])
    missing = [value for value in dict.fromkeys(question.values) if value not in values]
    if missing:
        reason = Reason.VALUE_NOT_GRANTED
        sentence = explanation.value_not_granted(entitlement.feature_id, missing, values)
    else:
        reason = Reason.INCLUDED
        sentence = explanation.values_included(entitlement.feature_id, values)
    return Decision(
        not missing,
        reason,
        sentence,
        entitlement.feature_id,
        FeatureType.ENUM,
        values=values,
        source=best.source,
        as_of=question.as_of,
    )


def _best_standing(live: Sequence[Holding], requested: Decimal, now: datetime) -> Holding:
    standings = [_standing(holding, now) for holding in live]
    if len(standings) == 1:
        return standings[0]
    return max(standings, key=lambda holding: _generosity(holding, requested))


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


def _decide_metered(entitlement: Entitlement, holding: Holding, question: Question) -> Decision:
    usage, limit, requested = holding.usage, holding.limit, question.requested
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
        as_of=question.as_of,
    )
