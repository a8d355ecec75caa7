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

# How many closed periods each renewal asks for again. A year of months: what arrives later is more often a mistake than a
# fact, and the work of a renewal must not grow with the age of its subscription.
LATE_PERIODS = 12


def metered_series(subscription: Subscription, terms: PlanTerms) -> tuple[MeteredSeries, ...]:
    """What must be counted for the subscription: one for each usage-based charge."""
    return tuple(
        MeteredSeries(subscription.customer_id, charge.feature_id, subscription.recurrence)
        for charge in terms.of_model(BillingModel.USAGE_BASED)
    )


def billed_periods(subscription: Subscription) -> range:
    """The numbers of the closed periods whose usage was billed and is asked for again, the oldest first."""
    current = subscription.period_number
    return range(max(current - LATE_PERIODS, 0), current)


def usage_questions(subscription: Subscription, terms: PlanTerms) -> tuple[UsageQuestion, ...]:
    """What must be known to close the current period: its usage, and anew that of billed periods, for late events."""
    charges, recurrence = terms.of_model(BillingModel.USAGE_BASED), subscription.recurrence
    if not charges:
        return ()
    closing = {subscription.period_number: subscription.period}
    billed = {number: recurrence.period(number) for number in billed_periods(subscription)}
    return tuple(
        UsageQuestion(charge.id, MeteredSeries(subscription.customer_id, charge.feature_id, recurrence), number, period)
        for number, period in (closing | billed).items()
        for charge in charges
    )
