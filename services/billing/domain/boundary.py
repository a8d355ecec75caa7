"""What happens to a subscription by itself: it begins, its trial ends, its period ends, its scheduled end comes."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from billing.domain.charging import Step
from billing.domain.cycle import converted, restarted
from billing.domain.invoice import InvoiceReason
from billing.domain.plan_terms import TrialEnd
from billing.domain.subscription import Subscription, SubscriptionState


def cross(subscription: Subscription, *, revision: int) -> Step:
    """The subscription after its next boundary.

    Raises:
        ValueError: It has none.
    """
    at = subscription.boundary
    if at is None:
        raise ValueError(f"nothing happens to the subscription {subscription.id} by itself")
    subscription_after, reason = _after(subscription, at)
    after = replace(subscription_after, revision=revision)
    return Step(subscription, after, at, reason, credit_unused=subscription.cancel_prorate and not after.live)


def _after(subscription: Subscription, at: datetime) -> tuple[Subscription, InvoiceReason]:
    if subscription.cancel_time is not None and subscription.cancel_time <= at:
        return ended(subscription, SubscriptionState.CANCELED, at), InvoiceReason.FINAL
    match subscription.state:
        case SubscriptionState.SCHEDULED:
            state = SubscriptionState.ACTIVE if subscription.trial_end is None else SubscriptionState.TRIALING
            return replace(subscription, state=state), InvoiceReason.PROVISION
        case SubscriptionState.TRIALING:
            if subscription.trial_end_behavior is TrialEnd.EXPIRE:
                return ended(subscription, SubscriptionState.EXPIRED, at), InvoiceReason.FINAL
            return converted(subscription), InvoiceReason.TRIAL_END
        case SubscriptionState.ACTIVE | SubscriptionState.PAST_DUE:
            return _renewed(subscription, at), InvoiceReason.RENEWAL
        case SubscriptionState.PENDING_PAYMENT | SubscriptionState.CANCELED | SubscriptionState.EXPIRED:
            raise ValueError(f"a subscription that is {subscription.state} has no boundary")
        case _:
            assert_never(subscription.state)


def ended(subscription: Subscription, state: SubscriptionState, at: datetime) -> Subscription:
    """The subscription, ended at the instant; what was scheduled for later is gone."""
    return replace(
        subscription, state=state, end_time=at, cancel_time=None, scheduled=None, pending=None, pending_since=None
    )


def _renewed(subscription: Subscription, at: datetime) -> Subscription:
    holding = subscription.scheduled or subscription.holding
    if holding.billing_period is not subscription.holding.billing_period:
        return replace(restarted(subscription, holding, at), scheduled=None)
    number = subscription.period_number + 1
    return replace(
        subscription,
        holding=holding,
        held_since=at,
        held_before=(),
        scheduled=None,
        period_number=number,
        period=subscription.recurrence.period(number - subscription.anchor_number),
    )
