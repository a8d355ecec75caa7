"""A decision is a value: whether a customer may do something, and why. The order of the refusals is the contract's.

The dataclasses are not frozen: a check makes some of them each time, and a frozen one costs four times as much to make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from entitlements.domain import explanation
from entitlements.domain.entitlement import Source
from entitlements.domain.feature import Feature
from kernel.quantity import EXACT, ZERO


class Reason(StrEnum):
    """Why a decision is as it is. Refusals are tried in this order."""

    INCLUDED = "INCLUDED"
    WITHIN_LIMIT = "WITHIN_LIMIT"
    UNLIMITED = "UNLIMITED"
    OVER_SOFT_LIMIT = "OVER_SOFT_LIMIT"
    CUSTOMER_UNKNOWN = "CUSTOMER_UNKNOWN"
    NO_ACTIVE_SUBSCRIPTION = "NO_ACTIVE_SUBSCRIPTION"
    FEATURE_UNKNOWN = "FEATURE_UNKNOWN"
    FEATURE_NOT_INCLUDED = "FEATURE_NOT_INCLUDED"
    REVOKED = "REVOKED"
    VALUE_NOT_GRANTED = "VALUE_NOT_GRANTED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"


@dataclass(slots=True)
class Standing:
    """A metered entitlement with its usage in its own period, now.

    Attributes:
        limit: None is unlimited.
        start: Of the usage period; None where it has no beginning.
        usage: With what is reserved.
        end: Of the usage period, when usage starts again at zero; None: never.
        reserved: How much of the usage reservations hold.
    """

    source: Source
    limit: Decimal | None
    soft: bool
    usage: Decimal
    start: datetime | None
    end: datetime | None
    reserved: Decimal = ZERO

    def has_room(self, requested: Decimal) -> bool:
        """Whether so much more fits under the limit."""
        return self.limit is None or EXACT.add(self.usage, requested) <= self.limit


@dataclass(slots=True)
class Decision:
    """Whether a customer may do something, and why.

    Attributes:
        explanation: Why, as a sentence for people.
        feature: None where the feature is unknown.
        standing: For a metered feature in the subscription.
        values: For an enum feature: the granted ones, in alphabetical order.
        number: For a numeric feature: the one granted.
        source: Where the entitlement that decided comes from; None where none did.
        as_of: Until when the answer is known to include everything that happened; None: it is not known.
        shadowed: Granted only because the feature is in shadow mode: reason and explanation are those of the refusal.
    """

    granted: bool
    reason: Reason
    explanation: str
    feature_id: str
    feature: Feature | None = None
    standing: Standing | None = None
    values: tuple[str, ...] = ()
    source: Source | None = None
    as_of: datetime | None = None
    number: Decimal | None = None
    shadowed: bool = False


def refused(reason: Reason, sentence: str, *, feature_id: str, feature: Feature | None) -> Decision:
    """A refusal before any entitlement was looked at."""
    return Decision(False, reason, sentence, feature_id, feature)


def customer_unknown(customer_id: str, *, feature_id: str, feature: Feature | None) -> Decision:
    """No customer has this id."""
    sentence = explanation.customer_unknown(customer_id)
    return refused(Reason.CUSTOMER_UNKNOWN, sentence, feature_id=feature_id, feature=feature)


def no_active_subscription(customer_id: str, *, feature_id: str, feature: Feature | None) -> Decision:
    """The customer has no subscription that gives access now, and no promotional grant."""
    sentence = explanation.no_active_subscription(customer_id)
    return refused(Reason.NO_ACTIVE_SUBSCRIPTION, sentence, feature_id=feature_id, feature=feature)


def feature_unknown(feature_id: str) -> Decision:
    """No feature has this id."""
    sentence = explanation.feature_unknown(feature_id)
    return refused(Reason.FEATURE_UNKNOWN, sentence, feature_id=feature_id, feature=None)


def not_included(customer_id: str, feature: Feature) -> Decision:
    """None of the customer's subscriptions and grants includes the feature."""
    sentence = explanation.not_included(customer_id, feature)
    return refused(Reason.FEATURE_NOT_INCLUDED, sentence, feature_id=feature.id, feature=feature)


def revoked(customer_id: str, feature: Feature) -> Decision:
    """The feature was taken from the customer, whatever grants it."""
    sentence = explanation.revoked(customer_id, feature)
    return refused(Reason.REVOKED, sentence, feature_id=feature.id, feature=feature)


def in_shadow(decided: Decision, feature: Feature | None) -> Decision:
    """The decision itself; a refusal of a feature in shadow mode is granted, and goes on saying what it would have been."""
    if not decided.granted and feature is not None and feature.shadow_mode:
        decided.granted, decided.shadowed = True, True
    return decided


def decide_boolean(feature: Feature, sources: Sequence[Source]) -> Decision:
    """A boolean feature that at least one subscription includes: the first of them decides."""
    source = sources[0]
    sentence = explanation.included(feature, source)
    return Decision(True, Reason.INCLUDED, sentence, feature.id, feature, source=source)


def decide_numeric(feature: Feature, granted: Sequence[tuple[Source, Decimal]]) -> Decision:
    """A numeric feature that at least one subscription includes: the greatest number decides, the first among equals."""
    source, number = max(granted, key=lambda each: each[1])
    sentence = explanation.number_included(feature, number)
    return Decision(True, Reason.INCLUDED, sentence, feature.id, feature, number=number, source=source)


def decide_enum(
    feature: Feature, granted: Sequence[tuple[Source, tuple[str, ...]]], requested: Sequence[str]
) -> Decision:
    """An enum feature that at least one subscription includes: the values of all unite.

    The source is the first that grants every requested value, else the first.
    """
    values = tuple(sorted({value for _, some in granted for value in some}))
    wanted = set(requested)
    source = next((source for source, some in granted if wanted <= set(some)), granted[0][0])
    missing = [value for value in dict.fromkeys(requested) if value not in values]
    if missing:
        sentence = explanation.value_not_granted(feature, missing, values)
        return Decision(False, Reason.VALUE_NOT_GRANTED, sentence, feature.id, feature, values=values, source=source)
    sentence = explanation.values_included(feature, values)
    return Decision(True, Reason.INCLUDED, sentence, feature.id, feature, values=values, source=source)


def most_generous(standings: Sequence[Standing], requested: Decimal) -> Standing:
    """Of several sources the one that decides: unlimited, then soft, then any with room in its own period; among equals the
    higher limit, and the first where that is equal too.
    """
    if len(standings) == 1:
        return standings[0]
    return max(standings, key=lambda standing: _generosity(standing, requested))


def _generosity(standing: Standing, requested: Decimal) -> tuple[int, Decimal]:
    if standing.limit is None:
        return 3, ZERO
    if standing.soft:
        return 2, standing.limit
    return int(standing.has_room(requested)), standing.limit


def decide_metered(feature: Feature, standing: Standing, requested: Decimal) -> Decision:
    """A metered feature that a subscription includes: whether so much more may be used."""
    limit = standing.limit
    if limit is None:
        granted, reason = True, Reason.UNLIMITED
        sentence = explanation.unlimited(feature, standing.usage)
    elif standing.has_room(requested):
        granted, reason = True, Reason.WITHIN_LIMIT
        sentence = explanation.within_limit(feature, standing.usage, limit=limit, requested=requested)
    elif standing.soft:
        granted, reason = True, Reason.OVER_SOFT_LIMIT
        sentence = explanation.over_limit(feature, standing.usage, limit=limit, requested=requested, soft=True)
    else:
        granted, reason = False, Reason.LIMIT_EXCEEDED
        sentence = explanation.over_limit(feature, standing.usage, limit=limit, requested=requested, soft=False)
    return Decision(granted, reason, sentence, feature.id, feature, standing, source=standing.source)
