"""How a subscription gets into a period that is no successor of the one before: after its trial, and with a new billing period."""

from dataclasses import replace
from datetime import datetime

from billing.domain.holding import Holding
from billing.domain.subscription import Subscription, SubscriptionState


def converted(subscription: Subscription) -> Subscription:
    """The subscription after its trial: in its first period, with what was scheduled for then."""
    holding = subscription.scheduled or subscription.holding
    changed = replace(
        subscription, state=SubscriptionState.ACTIVE, holding=holding, scheduled=None, held_before=(), period_number=0
    )
    return replace(changed, period=changed.recurrence.period(0), held_since=changed.anchor_time)


def restarted(subscription: Subscription, holding: Holding, at: datetime) -> Subscription:
    """The subscription in its next period, which begins at the instant and is a new anchor."""
    number = subscription.period_number + 1
    changed = replace(
        subscription,
        holding=holding,
        held_since=at,
        held_before=(),
        anchor_time=at,
        anchor_number=number,
        period_number=number,
    )
    return replace(changed, period=changed.recurrence.period(0))
