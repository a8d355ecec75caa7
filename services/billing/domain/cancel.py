"""How a subscription ends because somebody says so, and how that is taken back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from billing.domain.boundary import ended
from billing.domain.charging import Step
from billing.domain.invoice import InvoiceReason
from billing.domain.subscription import Subscription, SubscriptionState, check_changeable
from kernel.errors import FieldViolation, invalid

# The contract's bound: ten years hold at most three leap days.
_FARTHEST = timedelta(days=10 * 365 + 3)


class CancelTiming(StrEnum):
    """When a subscription ends."""

    PERIOD_END = "PERIOD_END"
    NOW = "NOW"
    AT_TIME = "AT_TIME"


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What a caller asks for.

    Attributes:
        cancel_time: For `AT_TIME`.
        prorate: Whether unused time is credited.
        etag: Of the subscription as the caller knows it; empty: whatever it is.
    """

    subscription_id: str
    timing: CancelTiming = CancelTiming.PERIOD_END
    cancel_time: datetime | None = None
    prorate: bool = False
    etag: str = ""


def cancel(subscription: Subscription, asked: Cancellation, *, now: datetime, revision: int) -> Step:
    """The subscription, ended or with its end scheduled; itself where it has just that end already.

    Raises:
        TollkeeperError: `ETAG_MISMATCH`; `SUBSCRIPTION_ENDED`; `CHANGE_PENDING`; `INVALID_FIELD`.
    """
    check_changeable(subscription, asked.etag)
    at = max(now, subscription.held_since) if subscription.charging else now
    if asked.timing is CancelTiming.NOW or _never_begins(subscription, asked, at):
        gone = replace(ended(subscription, SubscriptionState.CANCELED, at), revision=revision)
        return Step(subscription, gone, at, InvoiceReason.FINAL, credit_unused=asked.prorate)
    time = _end(subscription, asked, at)
    scheduled = replace(subscription, cancel_time=time, cancel_prorate=asked.prorate)
    if scheduled == subscription:
        return Step(subscription, subscription, at, InvoiceReason.FINAL)
    return Step(subscription, replace(scheduled, revision=revision), at, InvoiceReason.FINAL)


def resume(subscription: Subscription, etag: str, *, now: datetime, revision: int) -> Step:
    """The subscription without its scheduled end; itself where it has none.

    Raises:
        TollkeeperError: `ETAG_MISMATCH`; `SUBSCRIPTION_ENDED`; `CHANGE_PENDING`.
    """
    check_changeable(subscription, etag)
    if subscription.cancel_time is None:
        return Step(subscription, subscription, now, InvoiceReason.CHANGE)
    resumed = replace(subscription, cancel_time=None, cancel_prorate=False, revision=revision)
    return Step(subscription, resumed, now, InvoiceReason.CHANGE)


def _never_begins(subscription: Subscription, asked: Cancellation, at: datetime) -> bool:
    """Whether it has not begun, and would end before it does."""
    if subscription.state is SubscriptionState.PENDING_PAYMENT:
        return True
    if subscription.state is not SubscriptionState.SCHEDULED:
        return False
    return asked.timing is not CancelTiming.AT_TIME or _end(subscription, asked, at) <= subscription.start_time


def _end(subscription: Subscription, asked: Cancellation, at: datetime) -> datetime:
    if asked.timing is CancelTiming.PERIOD_END:
        return subscription.scheduled_time
    if asked.cancel_time is None or not at < asked.cancel_time <= at + _FARTHEST:
        message = f"must be after {at.isoformat()}, and at most ten years later"
        raise invalid(FieldViolation("cancel_time", message))
    return asked.cancel_time
