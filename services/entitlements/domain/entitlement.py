"""From plan version × subscription to entitlements: what of each feature, and in which periods its usage counts."""

from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from entitlements.domain.customer import Subscription
from entitlements.domain.plan import (
    BooleanGrant,
    CommittedGrant,
    EnumGrant,
    Grant,
    MeteredGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from kernel.recurrence import Interval, Recurrence, calendar_anchor


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entitlement comes from."""

    subscription_id: str
    plan_id: str
    plan_version: int


@dataclass(frozen=True, slots=True)
class Included:
    """A boolean feature is on."""


@dataclass(frozen=True, slots=True)
class Values:
    """Values of an enum feature are granted."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Allowance:
    """A metered feature may be used.

    Attributes:
        limit: Inclusive; None is unlimited.
        soft: Usage above the limit is granted all the same.
        recurrence: The periods that usage counts in; None is one endless period.
    """

    limit: Decimal | None
    soft: bool
    recurrence: Recurrence | None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one subscription grants of one feature."""

    feature_id: str
    source: Source
    grant: Included | Values | Allowance


def resolve(subscription: Subscription, plan: PlanVersion) -> tuple[Entitlement, ...]:
    """What the subscription grants, feature by feature.

    The committed quantity of a `PER_UNIT` charge is a hard limit. Periods that begin with the subscription are anchored at
    its start; those of the calendar at the start of the unit that holds the subscription's start, in its time zone.
    """
    source = Source(subscription.id, plan.plan_id, plan.version)
    return tuple(
        Entitlement(feature_id, source, _granted(subscription, feature_id, grant)) for feature_id, grant in plan.grants
    )


def _granted(subscription: Subscription, feature_id: str, grant: Grant) -> Included | Values | Allowance:
    match grant:
        case BooleanGrant():
            return Included()
        case EnumGrant(values):
            return Values(values)
        case MeteredGrant(limit, soft, reset):
            return Allowance(limit, soft, _recurrence(subscription, reset))
        case CommittedGrant(minimum, reset):
            committed = subscription.commitments.get(feature_id, minimum)
            return Allowance(committed, soft=False, recurrence=_recurrence(subscription, reset))
        case _:
            assert_never(grant)


def _recurrence(subscription: Subscription, reset: Reset | None) -> Recurrence | None:
    if reset is None:
        return None
    zone, start = subscription.time_zone, subscription.start_time
    if reset.interval is ResetInterval.BILLING_PERIOD:
        return Recurrence(Interval.of(subscription.billing_period), start, zone)
    interval = Interval(reset.interval.value)
    if reset.at_calendar:
        start = calendar_anchor(interval, start, zone=zone, week_start=reset.week_start)
    return Recurrence(interval, start, zone)
