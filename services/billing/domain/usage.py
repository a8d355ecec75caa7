"""Usage as billing sees it: what was used of a charge's feature in one billing period, or the part of it that was charged."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from billing.domain.holding import usage_items
from billing.domain.invoice import USAGE_TYPES, InvoiceLine
from billing.domain.plan_terms import Terms
from billing.domain.subscription import Subscription
from kernel.period import Period
from kernel.recurrence import Recurrence


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used.

    Attributes:
        revision: Of the window that says so.
        incomplete: Metering no longer has all of what it was counted from: the quantity is what is left.
    """

    quantity: Decimal
    revision: int
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class MeteredSeries:
    """What metering counts for a usage-based charge: a customer's usage of a feature, on a resource if it names one."""

    customer_id: str
    resource_id: str
    feature_id: str


@dataclass(frozen=True, slots=True)
class Tracked:
    """A series that is counted in billing periods."""

    series: MeteredSeries
    recurrence: Recurrence


# Period number and feature id.
UsageKey: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """Asks for the usage of a span of time.

    Attributes:
        key: Names the answer.
        recurrence: Whose period the span is, so that it is counted already; None where it must be measured.
    """

    key: UsageKey
    series: MeteredSeries
    period: Period
    recurrence: Recurrence | None


UsageAnswers = Mapping[UsageKey, Usage]

# How many closed periods each renewal asks for again. A year of months: what arrives later is more often a mistake than a
# fact, and the work of a renewal must not grow with the age of its subscription.
LATE_PERIODS = 12


def tracked_series(subscription: Subscription, terms: Terms) -> tuple[Tracked, ...]:
    """What must be counted for the subscription: one for each usage-based charge."""
    holding = subscription.holding
    charged = usage_items(holding, terms[holding.plan_key], subscription.offer)
    return tuple(Tracked(_series(subscription, feature_id), subscription.recurrence) for feature_id in charged)


def usage_questions(
    before: Subscription, after: Subscription, *, at: datetime, terms: Terms, billed: Sequence[InvoiceLine]
) -> tuple[UsageQuestion, ...]:
    """What must be known to charge for a change: see `charging.charge`. `billed` are the usage lines of billed periods."""
    if not before.charging:
        return ()
    charged = usage_items(before.holding, terms[before.holding.plan_key], before.offer)
    ends = not after.live or after.period_number != before.period_number
    if not ends:
        kept = usage_items(after.holding, terms[after.holding.plan_key], after.offer)
        charged = {feature_id: item for feature_id, item in charged.items() if feature_id not in kept}
    span = Period(before.period.start, min(max(at, before.period.start), before.period.end))
    found = [_question(before, before.period_number, feature_id, span) for feature_id in charged]
    if ends:
        number = before.period_number
        again = latest(billed, number, charged)
        found += [_question(before, line.period_number, line.feature_id, line.period) for line in again]
    return tuple(found)


def latest(billed: Sequence[InvoiceLine], number: int, charged: Collection[str]) -> list[InvoiceLine]:
    """The last usage line of each feature and period that is asked for again when the period of the number ends; oldest first.

    Those of periods before it, as far back as is asked again; and those of charges that ended inside it, when `charged` are the
    features that are charged for by usage at its end.
    """
    found = {}
    for line in billed:
        before = number - LATE_PERIODS <= line.period_number < number
        inside = line.period_number == number and line.feature_id not in charged
        if line.type in USAGE_TYPES and (before or inside):
            found[line.period_number, line.feature_id] = line
    return list(found.values())


def _question(subscription: Subscription, number: int, feature_id: str, period: Period) -> UsageQuestion:
    recurrence = None
    if number >= subscription.anchor_number:
        own = subscription.recurrence
        known = subscription.period if number == subscription.period_number else None
        if (known or own.period(number - subscription.anchor_number)) == period:
            recurrence = own
    return UsageQuestion((number, feature_id), _series(subscription, feature_id), period, recurrence)


def _series(subscription: Subscription, feature_id: str) -> MeteredSeries:
    return MeteredSeries(subscription.customer_id, subscription.resource_id, feature_id)
