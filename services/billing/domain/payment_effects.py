"""What a payment, or its failure, makes of the subscription that it was asked for."""

from dataclasses import replace
from datetime import datetime

from billing.domain.boundary import ended
from billing.domain.invoice import Invoice, InvoiceReason
from billing.domain.subscription import Subscription, SubscriptionState

# What goes on although its payment failed, until the retries end.
_GOES_ON = frozenset({InvoiceReason.RENEWAL, InvoiceReason.TRIAL_END})


def payment_succeeded(
    subscription: Subscription, invoice_id: str, *, others_failed: bool, revision: int
) -> Subscription:
    """The subscription after its invoice was paid, or needs no payment any more; itself where that changes nothing.

    Args:
        subscription: As it is.
        invoice_id: What was paid.
        others_failed: Whether another of its renewals is still unpaid after a failure.
        revision: Of the change.
    """
    pending = subscription.pending
    if pending is not None and pending.invoice_id == invoice_id:
        return _applied(subscription, pending.changed, others_failed=others_failed, revision=revision)
    match subscription.state:
        case SubscriptionState.PENDING_PAYMENT:
            return replace(subscription, state=SubscriptionState.ACTIVE, pending_since=None, revision=revision)
        case SubscriptionState.PAST_DUE if not others_failed:
            return replace(subscription, state=SubscriptionState.ACTIVE, revision=revision)
        case _:
            return subscription


def _applied(waiting: Subscription, changed: Subscription, *, others_failed: bool, revision: int) -> Subscription:
    """The change that waited, with what befell the subscription meanwhile: other payments, and an end that was scheduled."""
    paying = {SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE}
    state = changed.state
    if {waiting.state, state} <= paying:
        late = waiting.state is SubscriptionState.PAST_DUE and others_failed
        state = SubscriptionState.PAST_DUE if late else SubscriptionState.ACTIVE
    return replace(
        changed,
        state=state,
        cancel_time=waiting.cancel_time,
        cancel_prorate=waiting.cancel_prorate,
        pending=None,
        revision=revision,
    )


def payment_failed(subscription: Subscription, invoice: Invoice, *, revision: int) -> Subscription:
    """The subscription after a payment was refused; itself where that changes nothing.

    A change that waited for it is dropped; a renewal is `PAST_DUE`; a new subscription goes on waiting.
    """
    pending = subscription.pending
    if pending is not None and pending.invoice_id == invoice.id:
        return replace(subscription, pending=None, revision=revision)
    if subscription.state is SubscriptionState.ACTIVE and invoice.reason in _GOES_ON:
        return replace(subscription, state=SubscriptionState.PAST_DUE, revision=revision)
    return subscription


def expire(subscription: Subscription, *, now: datetime, revision: int) -> Subscription:
    """The subscription after its first payment never came; itself where it waits for none."""
    if subscription.state is not SubscriptionState.PENDING_PAYMENT:
        return subscription
    return replace(ended(subscription, SubscriptionState.EXPIRED, now), revision=revision)
