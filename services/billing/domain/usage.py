"""Usage as billing sees it: what was used of a charge's feature in one closed billing period."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing.domain.plan_terms import BillingModel, PlanTerms
from billing.domain.subscription import Subscription
from kernel.period import Period
from kernel.recurrence import Recurrence


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used, and the revision of the window that says so."""

    quantity: Decimal
    revision: int


@dataclass(frozen=True, slots=True)
class MeteredSeries:
    """What metering counts for a usage-based charge: a customer's usage of a feature in its billing periods."""

    customer_id: str
    feature_id: str
    recurrence: Recurrence


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """Asks for the usage of one closed period of one charge."""

    charge_id: str
    series: MeteredSeries
    period_number: int
    period: Period


# By period number and charge id.
UsageAnswers = Mapping[tuple[int, str], Usage]


def metered_series(subscription: Subscription, terms: PlanTerms) -> tuple[MeteredSeries, ...]:
    """What must be counted for the subscription: one for each usage-based charge."""
    return tuple(
        MeteredSeries(subscription.customer_id, charge.feature_id, subscription.recurrence)
        for charge in terms.of_model(BillingModel.USAGE_BASED)
    )


def usage_questions(subscription: Subscription, terms: PlanTerms) -> tuple[UsageQuestion, ...]:
    """What must be known to close the current period: its usage, and anew that of the period before, for late events."""
    charges = terms.of_model(BillingModel.USAGE_BASED)
    if not charges:
        return ()
    number, recurrence = subscription.period_number, subscription.recurrence
    periods = [(number, subscription.period)] + ([(number - 1, recurrence.period(number - 1))] if number else [])
    return tuple(
        UsageQuestion(charge.id, MeteredSeries(subscription.customer_id, charge.feature_id, recurrence), n, period)
        for n, period in periods
        for charge in charges
    )
