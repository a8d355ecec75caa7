"""What can happen to a subscription, each as one function from values to the new state and the invoice's lines.

Provisioning, raising and their previews run the same functions: a preview agrees with its execution to the cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.commitment import Commitment, first_commitments, raised_commitments
from billing.domain.customer import Customer
from billing.domain.invoice import Invoice, InvoiceLine, InvoiceReason, InvoiceState, settle
from billing.domain.lines import advance_lines, late_usage_lines, raise_lines, usage_lines
from billing.domain.plan_terms import Offer, PlanTerms, check_offer
from billing.domain.subscription import Subscription, SubscriptionState, recurrence
from billing.domain.usage import UsageAnswers
from kernel.errors import precondition
from kernel.money import currency
from kernel.period import BillingPeriod
from kernel.recurrence import zone


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a customer asks to subscribe to.

    Attributes:
        currency: None for the customer's.
        subscription_id: The id it shall have.
    """

    customer_id: str
    plan_id: str
    billing_period: BillingPeriod
    commitments: tuple[Commitment, ...]
    time_zone: str
    currency: str | None
    subscription_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a subscription, and what it costs; without lines there is no invoice.

    Attributes:
        period_number: The period that the change belongs to: for a renewal the one that ended.
    """

    subscription: Subscription
    lines: tuple[InvoiceLine, ...]
    reason: InvoiceReason
    period_number: int


def draft_invoice(change: Change, customer: Customer) -> Invoice:
    """The invoice of a change that has lines, settled with the customer's credit as it is now; not yet issued."""
    subscription = change.subscription
    settlement = settle(change.lines, customer.credit_in(subscription.offer.currency))
    return Invoice(
        id="",
        number=None,
        customer_id=customer.id,
        subscription_id=subscription.id,
        period_number=change.period_number,
        reason=change.reason,
        lines=change.lines,
        settlement=settlement,
        state=InvoiceState.DRAFT,
        finalize_time=None,
        paid_time=None,
        revision=0,
    )


def provision(terms: PlanTerms, agreement: Agreement, *, customer: Customer, now: datetime, revision: int) -> Change:
    """A subscription that begins now, with its fixed fees and commitments charged for the whole first period.

    Raises:
        TollkeeperError: `PRICE_NOT_OFFERED`; `COMMITMENT_INVALID`.
    """
    offer = Offer(agreement.billing_period, currency(agreement.currency or customer.currency).code)
    check_offer(terms, offer)
    time_zone = zone(agreement.time_zone, "time_zone").key
    subscription = Subscription(
        id=agreement.subscription_id,
        customer_id=customer.id,
        product_id=terms.product_id,
        plan_id=terms.plan_id,
        plan_version=terms.version,
        test_clock_id=customer.test_clock_id,
        state=SubscriptionState.ACTIVE,
        offer=offer,
        time_zone=time_zone,
        start_time=now,
        period_number=0,
        period=recurrence(offer, now, time_zone=time_zone).period(0),
        commitments=first_commitments(terms, agreement.commitments),
        cancel_time=None,
        end_time=None,
        revision=revision,
        create_time=now,
    )
    return Change(subscription, advance_lines(subscription, terms), InvoiceReason.PROVISION, 0)


def check_live(subscription: Subscription) -> None:
    """Refuses a change of a subscription that has ended.

    Raises:
        TollkeeperError: `SUBSCRIPTION_ENDED`.
    """
    if not subscription.live:
        raise precondition(
            "SUBSCRIPTION_ENDED",
            f"The subscription {subscription.id} has ended. Provision a new one.",
            subscription_id=subscription.id,
        )


def raise_commitments(
    subscription: Subscription,
    terms: PlanTerms,
    requested: Sequence[Commitment],
    *,
    account: Sequence[InvoiceLine],
    now: datetime,
    revision: int,
) -> Change:
    """The subscription with greater commitments, the addition charged for the rest of its period.

    `account` holds all commitment lines of the current period, the oldest first. `now` lies in it, since due renewals go first; a
    clock that lags behind the last change counts as the time of that change.

    Raises:
        TollkeeperError: `SUBSCRIPTION_ENDED`; `COMMITMENT_INVALID`; `COMMITMENT_DECREASE`.
    """
    check_live(subscription)
    commitments = raised_commitments(terms, subscription.commitments, requested)
    changed = subscription
    if commitments != subscription.commitments:
        changed = replace(subscription, commitments=commitments, revision=revision)
    at = max(now, *(line.period.start for line in account), subscription.period.start)
    lines = raise_lines(subscription, changed, terms, account=account, at=at)
    return Change(changed, lines, InvoiceReason.COMMITMENT, subscription.period_number)


def schedule_end(subscription: Subscription, *, revision: int) -> Subscription:
    """The subscription with its end scheduled for the end of its period; itself where it has one or has ended."""
    if subscription.cancel_time is not None or not subscription.live:
        return subscription
    return replace(subscription, cancel_time=subscription.period.end, revision=revision)


def close_period(
    subscription: Subscription,
    terms: PlanTerms,
    *,
    answers: UsageAnswers,
    billed: Sequence[InvoiceLine],
    revision: int,
) -> Change:
    """Ends the current period: with the next period's charges in advance, or with the subscription's scheduled end.

    `answers` are those to all of `usage_questions`; `billed` holds all usage lines of `billed_periods`, the oldest first.
    """
    in_arrears = (
        *usage_lines(subscription, terms, answers),
        *late_usage_lines(subscription, terms, answers, billed=billed),
    )
    closed = subscription.period_number
    if subscription.cancel_time is not None and subscription.cancel_time <= subscription.period.end:
        ended = replace(
            subscription, state=SubscriptionState.CANCELED, end_time=subscription.cancel_time, revision=revision
        )
        return Change(ended, in_arrears, InvoiceReason.FINAL, closed)
    following = subscription.recurrence.period(closed + 1)
    renewed = replace(subscription, period_number=closed + 1, period=following, revision=revision)
    return Change(renewed, (*advance_lines(renewed, terms), *in_arrears), InvoiceReason.RENEWAL, closed)
