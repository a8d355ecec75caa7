"""A subscription: a customer's agreement to one version of a plan, in periods computed from its start."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing.domain.commitment import Commitment
from billing.domain.plan_terms import Offer
from kernel.errors import TollkeeperError, not_found
from kernel.period import Period
from kernel.recurrence import Interval, Recurrence


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    ACTIVE = "ACTIVE"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as billing holds it.

    Attributes:
        test_clock_id: Its customer's clock; None for real time.
        offer: How often it is billed and in which currency; both fixed.
        time_zone: The IANA zone in whose wall time its periods are computed.
        start_time: When it began; period *n* is computed from here.
        period_number: The period it is in, from 0. After its end: the last one.
        period: That period.
        commitments: In the order of feature ids.
        cancel_time: The end that is scheduled; None where none is.
        end_time: When it ended; None while it lives.
    """

    id: str
    customer_id: str
    product_id: str
    plan_id: str
    plan_version: int
    test_clock_id: str | None
    state: SubscriptionState
    offer: Offer
    time_zone: str
    start_time: datetime
    period_number: int
    period: Period
    commitments: tuple[Commitment, ...]
    cancel_time: datetime | None
    end_time: datetime | None
    revision: int
    create_time: datetime

    @property
    def recurrence(self) -> Recurrence:
        """Its billing periods."""
        return recurrence(self.offer, self.start_time, time_zone=self.time_zone)

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state is SubscriptionState.ACTIVE

    def due(self, now: datetime) -> bool:
        """Whether its period has ended, so that its renewal goes before any change."""
        return self.live and self.period.end <= now

    def committed(self, feature_id: str) -> Commitment:
        """The commitment of a feature that its plan sells so.

        Raises:
            LookupError: The feature is not committed.
        """
        for commitment in self.commitments:
            if commitment.feature_id == feature_id:
                return commitment
        raise LookupError(feature_id)


def subscription_not_found(subscription_id: str) -> TollkeeperError:
    """The refusal of what needs a subscription that is not there."""
    message = f"No subscription has the id {subscription_id}."
    return not_found("SUBSCRIPTION_NOT_FOUND", message, subscription_id=subscription_id)


def recurrence(offer: Offer, start: datetime, *, time_zone: str) -> Recurrence:
    """The billing periods of a subscription."""
    return Recurrence(Interval.of(offer.billing_period), start, time_zone)
