"""What the end of collecting an invoice makes of its subscription, where no payment came."""

from dataclasses import replace
from datetime import datetime

from billing.domain.coupon import give_back_used
from billing.domain.invoice import Invoice
from billing.domain.payment_effects import expire, payment_failed, payment_succeeded
from billing.domain.subscription import Subscription, SubscriptionState


def end_now(subscription: Subscription, *, now: datetime, revision: int) -> Subscription:
    """The subscription with its end due now, without credit for unused time; itself where it has ended or ends sooner.

    Its last usage must be known before it ends, so the end is a boundary like any other; a change that waits for its payment
    holds it up until that is decided.
    """
    if subscription.state not in {SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE}:
        return subscription
    at = max(now, subscription.held_since)
    if subscription.cancel_time is not None and subscription.cancel_time <= at:
        return subscription
    return replace(subscription, cancel_time=at, cancel_prorate=False, revision=revision)


def after_void(
    subscription: Subscription, invoice: Invoice, *, others_failed: bool, now: datetime, revision: int
) -> Subscription:
    """The subscription whose invoice was taken back: without the change that waited for it, expired where it waited itself.

    Otherwise the invoice needs no payment any more, see `payment_succeeded`, and coupons that it used up count again.
    """
    pending = subscription.pending
    if pending is not None and pending.invoice_id == invoice.id:
        return payment_failed(subscription, invoice, revision=revision)
    if subscription.state is SubscriptionState.PENDING_PAYMENT:
        return expire(subscription, now=now, revision=revision)
    after = payment_succeeded(subscription, invoice.id, others_failed=others_failed, revision=revision)
    used = {one.coupon_id for one in invoice.discounts if one.amount.amount > 0}
    coupons = give_back_used(after.coupons, used)
    return after if coupons == after.coupons else replace(after, coupons=coupons, revision=revision)
