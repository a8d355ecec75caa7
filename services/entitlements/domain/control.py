"""Everything about a customer but its usage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from entitlements.domain.customer import Customer, Subscription, TestClock
from entitlements.domain.entitlement import Allowance, Entitlement
from entitlements.domain.feature import Feature
from entitlements.domain.usage import Tracker

# The revisions of a customer, of its newest subscription, and of its test clock (0 for real time).
Revisions = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Control:
    """Everything about a customer but its usage.

    Attributes:
        clock: The test clock it lives by; None: real time.
        holdings: The subscriptions that give access now or later, oldest first, with what they grant.
        revision: The greatest revision of all its subscriptions, the ended ones too.
        features: Every feature granted.
    """

    customer: Customer
    clock: TestClock | None
    holdings: tuple[tuple[Subscription, tuple[Entitlement, ...]], ...]
    revision: int
    features: Mapping[str, Feature]

    @property
    def reached(self) -> datetime | None:
        """What the customer's clock shows at least: billing has seen it there, whatever has arrived here of the clock itself,
        and however much the machines' clocks differ.
        """
        return max((subscription.create_time for subscription, _ in self.holdings), default=None)


def tracker_of(customer_id: str, entitlement: Entitlement) -> Tracker | None:
    """The tracker that the usage of the entitlement is counted with; None unless its feature is metered."""
    grant = entitlement.grant
    return Tracker(customer_id, entitlement.feature_id, grant.recurrence) if isinstance(grant, Allowance) else None


def trackers_of(customer_id: str, entitlements: Iterable[Entitlement]) -> list[Tracker]:
    """The different trackers that the usage of these entitlements is counted with."""
    trackers = (tracker_of(customer_id, entitlement) for entitlement in entitlements)
    return list(dict.fromkeys(tracker for tracker in trackers if tracker is not None))
