"""Everything about a customer but its usage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from entitlements.domain.customer import Customer, TestClock
from entitlements.domain.entitlement import Allowance, Entitlement, resolve
from entitlements.domain.feature import Feature
from entitlements.domain.plan import PlanVersion
from entitlements.domain.subscription import PlanKey, Subscription
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
        plan_revision: The greatest revision of what is carried to their plans, as far as it is in what they grant.
        features: Every feature granted.
    """

    customer: Customer
    clock: TestClock | None
    holdings: tuple[tuple[Subscription, tuple[Entitlement, ...]], ...]
    revision: int
    plan_revision: int
    features: Mapping[str, Feature]

    @property
    def reached(self) -> datetime | None:
        """What the customer's clock shows at least: billing has seen it there, whatever has arrived here of the clock itself,
        and however much the machines' clocks differ.
        """
        return max((subscription.seen_time for subscription, _ in self.holdings), default=None)


@dataclass(frozen=True, slots=True)
class Offers:
    """What some plan versions grant now, read at one moment: all that customers are resolved from beside their subscriptions.

    Attributes:
        plans: With the entitlements that are carried to them.
        carried: The revision of what is carried, by plan id; plans without an entry carry nothing.
        features: Every feature granted.
    """

    plans: Mapping[PlanKey, PlanVersion]
    carried: Mapping[str, int]
    features: Mapping[str, Feature]

    def cover(self, subscriptions: Iterable[Subscription]) -> bool:
        """Whether these subscriptions can be resolved from them."""
        return all(key in self.plans for subscription in subscriptions for key in subscription.plan_keys)

    def control(
        self, customer: Customer, clock: TestClock | None, subscriptions: Iterable[Subscription], *, revision: int
    ) -> Control:
        """Everything about the customer.

        Args:
            customer: The customer.
            clock: The test clock it lives by; None: real time.
            subscriptions: Those that give access now or later, oldest first.
            revision: The greatest revision of all its subscriptions.
        """
        held = tuple(subscriptions)
        holdings = tuple((subscription, resolve(subscription, self.plans)) for subscription in held)
        return Control(customer, clock, holdings, revision, plan_revision(held, self.carried), self.features)


def plan_revision(subscriptions: Iterable[Subscription], carried: Mapping[str, int]) -> int:
    """The greatest revision of what is carried to the plans of these subscriptions; 0 where nothing is."""
    plan_ids = (plan_id for subscription in subscriptions for plan_id, _ in subscription.plan_keys)
    return max((carried.get(plan_id, 0) for plan_id in plan_ids), default=0)


def tracker_of(customer_id: str, entitlement: Entitlement) -> Tracker | None:
    """The tracker that the usage of the entitlement is counted with; None unless its feature is metered."""
    grant = entitlement.grant
    return Tracker(customer_id, entitlement.feature_id, grant.recurrence) if isinstance(grant, Allowance) else None


def trackers_of(customer_id: str, entitlements: Iterable[Entitlement]) -> list[Tracker]:
    """The different trackers that the usage of these entitlements is counted with."""
    trackers = (tracker_of(customer_id, entitlement) for entitlement in entitlements)
    return list(dict.fromkeys(tracker for tracker in trackers if tracker is not None))
