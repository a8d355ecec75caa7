"""A subscription: what a customer holds of a product, in periods computed from an anchor."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from billing.domain.coupon import AppliedCoupon
from billing.domain.holding import Holding
from billing.domain.plan_terms import Offer, PlanKey, TrialEnd
from kernel.errors import ErrorKind, TollkeeperError, not_found, precondition
from kernel.period import Period
from kernel.recurrence import Interval, Recurrence

# Each is priced again by every later change of the period, and stored with the subscription.
MOST_CHANGES = 200


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    SCHEDULED = "SCHEDULED"
    PENDING_PAYMENT = "PENDING_PAYMENT"
    TRIALING = "TRIALING"
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


LIVE_STATES = tuple(state for state in SubscriptionState if state not in {"CANCELED", "EXPIRED"})
# It has begun and was paid for, is not on trial, and has not ended.
_CHARGED_STATES = frozenset({SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE})


_ACCESS_STATES = frozenset({SubscriptionState.TRIALING, SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE})


@dataclass(frozen=True, slots=True)
class Held:
    """What was held from an instant on, until the next one."""

    start_time: datetime
    holding: Holding


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as billing holds it.

    Attributes:
        resource_id: What it is for; empty where its product allows one subscription only.
        test_clock_id: Its customer's clock; None for real time.
        holding: What it holds now.
        held_since: Since when, within the current period.
        held_before: What it held earlier in the current period, the oldest first.
        scheduled: What it will hold from the end of the period (or trial) on; None where that is what it holds now.
        currency: Of its invoices, fixed: ISO 4217.
        country: Of its prices, fixed: ISO 3166-1; empty for none.
        time_zone: The IANA zone in whose wall time its periods are computed.
        start_time: When it began or will begin.
        anchor_time: Where its periods are computed from.
        anchor_number: The number of the period that begins there.
        period_number: The period it is in, from 0 on; before its first charge the first one. After its end: the last one.
        period: That period.
        first_charged: The number of the first period that is charged: later ones than 0 where it began in the past.
        trial_end: When its trial ends or ended; None: it had none.
        cancel_time: The end that is scheduled; None where none is.
        cancel_prorate: Whether unused time is credited then.
        end_time: When it ended; None while it lives.
        coupons: Those it has or had, the oldest first.
        opens_unpaid: Whether a scheduled one gives access when it starts, without waiting for a payment.
        pending: The subscription as it will be once a payment is there, and what pays for it; None where nothing waits.
        pending_since: Since when it waits for its first payment; None where it does not.
    """

    id: str
    customer_id: str
    product_id: str
    resource_id: str
    test_clock_id: str | None
    state: SubscriptionState
    holding: Holding
    held_since: datetime
    held_before: tuple[Held, ...]
    scheduled: Holding | None
    currency: str
    country: str
    time_zone: str
    start_time: datetime
    anchor_time: datetime
    anchor_number: int
    period_number: int
    period: Period
    first_charged: int
    trial_end: datetime | None
    trial_end_behavior: TrialEnd | None
    cancel_time: datetime | None
    cancel_prorate: bool
    end_time: datetime | None
    coupons: tuple[AppliedCoupon, ...]
    opens_unpaid: bool
    pending: "Pending | None"
    revision: int
    create_time: datetime
    pending_since: datetime | None = None

    @property
    def offer(self) -> Offer:
        """What it is sold for now."""
        return self.offer_of(self.holding)

    def offer_of(self, holding: Holding) -> Offer:
        """What it would be sold for with another holding."""
        return Offer(holding.billing_period, self.currency, self.country)

    @property
    def recurrence(self) -> Recurrence:
        """Its billing periods from the anchor on."""
        return Recurrence(Interval.of(self.holding.billing_period), self.anchor_time, self.time_zone)

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE_STATES

    @property
    def expires(self) -> bool:
        """Whether it is on trial, or will be, and ends with it."""
        on_trial = self.state in {SubscriptionState.SCHEDULED, SubscriptionState.TRIALING}
        return on_trial and self.trial_end is not None and self.trial_end_behavior is TrialEnd.EXPIRE

    @property
    def access_begun(self) -> bool:
        """Whether it gives access now."""
        return self.state in _ACCESS_STATES

    @property
    def charging(self) -> bool:
        """Whether its current period is charged: it has begun, is not on trial, and the period is not history."""
        return self.state in _CHARGED_STATES and self.period_number >= self.first_charged

    @property
    def boundary(self) -> datetime | None:
        """When something happens to it by itself next; None while it waits for a payment, and after its end."""
        match self.state:
            case SubscriptionState.SCHEDULED:
                return self.start_time
            case SubscriptionState.TRIALING:
                ends = [self.trial_end, self.cancel_time]
            case SubscriptionState.ACTIVE | SubscriptionState.PAST_DUE:
                ends = [self.period.end, self.cancel_time]
            case _:
                return None
        return None if self.pending else min(end for end in ends if end is not None)

    @property
    def scheduled_time(self) -> datetime:
        """When what is scheduled counts: the end of the trial, or of the current period."""
        on_trial = self.state is SubscriptionState.TRIALING
        return self.trial_end if on_trial and self.trial_end is not None else self.period.end

    def due(self, now: datetime) -> bool:
        """Whether a boundary has passed, so that it goes before any change."""
        boundary = self.boundary
        return boundary is not None and boundary <= now

    @property
    def etag(self) -> str:
        """Names this state."""
        return f"{self.revision:x}"

    def history(self) -> Iterator[Held]:
        """What it held in the current period until now, the oldest first."""
        yield from self.held_before
        yield Held(self.held_since, self.holding)

    def plan_keys(self) -> set[PlanKey]:
        """The plan versions that its current period and its schedule speak of."""
        holdings = [self.holding, *(held.holding for held in self.held_before)]
        return {holding.plan_key for holding in (*holdings, *([self.scheduled] if self.scheduled else ()))}

    def with_holding(self, holding: Holding, at: datetime) -> "Subscription":
        """The subscription with another holding from the instant on, in the same period.

        Raises:
            TollkeeperError: `TOO_MANY_CHANGES` in one period.
        """
        if holding == self.holding:
            return self
        if len(self.held_before) >= MOST_CHANGES:
            message = f"The subscription {self.id} was changed {MOST_CHANGES} times in this period: wait for its end."
            raise precondition("TOO_MANY_CHANGES", message, subscription_id=self.id, limit=str(MOST_CHANGES)).at(
                "subscription_id"
            )
        if at <= self.period.start and not self.charging:
            return replace(self, holding=holding)
        before = (*self.held_before, Held(self.held_since, self.holding))
        return replace(self, holding=holding, held_since=at, held_before=before)


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits for its payment: what the subscription will be, and the invoice that pays for it."""

    changed: Subscription
    invoice_id: str
    create_time: datetime


def subscription_not_found(subscription_id: str) -> TollkeeperError:
    """The refusal of what needs a subscription that is not there."""
    message = f"No subscription has the id {subscription_id}."
    return not_found("SUBSCRIPTION_NOT_FOUND", message, subscription_id=subscription_id).at("subscription_id")


def subscription_id_taken(subscription_id: str) -> TollkeeperError:
    """The refusal of a new subscription whose id another one has."""
    return TollkeeperError(
        ErrorKind.ALREADY_EXISTS,
        "SUBSCRIPTION_ID_TAKEN",
        f"Another subscription has the id {subscription_id}. Choose another id, or leave it out.",
        metadata={"subscription_id": subscription_id},
    ).at("subscription_id")


def check_changeable(subscription: Subscription, etag: str = "") -> None:
    """Refuses a change of a subscription that has ended, or waits for a payment, or is not as the caller knows it.

    Raises:
        TollkeeperError: `ETAG_MISMATCH`; `SUBSCRIPTION_ENDED`; `CHANGE_PENDING`.
    """
    if etag and etag != subscription.etag:
        raise TollkeeperError(
            ErrorKind.ABORTED,
            "ETAG_MISMATCH",
            f"The subscription {subscription.id} was changed since you read it. Read it again and repeat the request.",
            metadata={"subscription_id": subscription.id},
        ).at("etag")
    if not subscription.live:
        raise precondition(
            "SUBSCRIPTION_ENDED",
            f"The subscription {subscription.id} has ended. Provision a new one.",
            subscription_id=subscription.id,
        ).at("subscription_id")
    if subscription.pending is not None:
        raise precondition(
            "CHANGE_PENDING",
            f"A change of the subscription {subscription.id} waits for its payment. Pay or void the invoice "
            f"{subscription.pending.invoice_id} first.",
            subscription_id=subscription.id,
            invoice_id=subscription.pending.invoice_id,
        ).at("subscription_id")
