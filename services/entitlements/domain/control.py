"""Everything about a customer but its usage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from entitlements.domain.customer import Customer, TestClock
from entitlements.domain.entitlement import Allowance, Entitlement, resolve
from entitlements.domain.feature import Feature
from entitlements.domain.plan import PlanVersion
from entitlements.domain.promotional_grant import PromotionalGrant
from entitlements.domain.subscription import PlanKey, Subscription
from entitlements.domain.usage import Tracker

# The revisions of a customer, of what it holds (see `Control.revision`), and of its test clock (0 for real time).
Revisions = tuple[int, int, int]

# One for everybody: hardly anyone has anything revoked.
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Given:
    """What this service itself holds of a customer, and how far everything it is resolved from has come.

    Attributes:
        revision: As in `Control`.
        plan_revision: As in `Control`, of the plans of all subscriptions that it ever had.
        grants: As in `Control`.
        revoked: As in `Control`.
        features: Of the grants.
    """

    revision: int = 0
    plan_revision: int = 0
    grants: tuple[PromotionalGrant, ...] = ()
    revoked: frozenset[str] = _NOTHING
    features: Mapping[str, Feature] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Control:
    """Everything about a customer but its usage.

    Attributes:
        clock: The test clock it lives by; None: real time.
        holdings: The subscriptions that give access now or later, oldest first, with what they grant.
        revision: Grows with every stored change of its subscriptions, promotional grants and revocations.
        plan_revision: Grows with every change of what is carried to their plans, as far as it is in what they grant; of the same
            sequence.
        features: Every feature granted.
        grants: Its promotional grants that are not revoked, nor past; those that begin later too.
        revoked: The features that were taken from it.
    """

    customer: Customer
    clock: TestClock | None
    holdings: tuple[tuple[Subscription, tuple[Entitlement, ...]], ...]
    revision: int
    plan_revision: int
    features: Mapping[str, Feature]
    grants: tuple[PromotionalGrant, ...] = ()
    revoked: frozenset[str] = _NOTHING

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
        carried: What `Control.plan_revision` is the greatest of, by plan id; plans without an entry carry nothing.
        features: Every feature granted.
        revisions: How far what the customers hold had come at that moment (`Control.revision`), as far as that was asked for.
    """

    plans: Mapping[PlanKey, PlanVersion]
    carried: Mapping[str, int]
    features: Mapping[str, Feature]
    revisions: Mapping[str, int] = field(default_factory=dict)

    def cover(self, subscriptions: Iterable[Subscription]) -> bool:
        """Whether these subscriptions can be resolved from them."""
        return all(key in self.plans for subscription in subscriptions for key in subscription.plan_keys)

    def control(
        self, customer: Customer, clock: TestClock | None, subscriptions: Iterable[Subscription], *, given: Given
    ) -> Control:
        """Everything about the customer.

        Args:
            customer: The customer.
            clock: The test clock it lives by; None: real time.
            subscriptions: Those that give access now or later, oldest first.
            given: What this service holds of it.
        """
        held = tuple(subscriptions)
        return Control(
            customer,
            clock,
            tuple((subscription, resolve(subscription, self.plans)) for subscription in held),
            given.revision,
            max(given.plan_revision, plan_revision(held, self.carried)),
            {**given.features, **self.features} if given.features else self.features,
            given.grants,
            given.revoked,
        )


def plan_revision(subscriptions: Iterable[Subscription], carried: Mapping[str, int]) -> int:
    """How far what is carried to the plans of these subscriptions has come; 0 where nothing is."""
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
