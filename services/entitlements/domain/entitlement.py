"""From plan version × subscription to entitlements: what of each feature and when, and in which periods its usage counts."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, assert_never

from entitlements.domain.merging import merged
from entitlements.domain.plan import (
    BooleanGrant,
    CommittedGrant,
    EnumGrant,
    Grant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from entitlements.domain.subscription import Phase, PlanKey, Subscription, Terms
from kernel.recurrence import Interval, Recurrence, calendar_anchor


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entitlement comes from: a subscription, or a promotional grant.

    Attributes:
        subscription_id: Empty for a grant.
        plan_version: The version whose entitlement or charge it is; newer than the subscription's where it was carried.
        promotional_grant_id: Empty for a subscription.
    """

    subscription_id: str
    plan_id: str
    plan_version: int
    promotional_grant_id: str = ""

    @property
    def key(self) -> str:
        """Tells the sources of one customer apart."""
        # No id begins with a colon.
        return self.subscription_id or f":{self.promotional_grant_id}"


@dataclass(frozen=True, slots=True)
class Included:
    """A boolean feature is on."""


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric feature has this number."""

    value: Decimal


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


Granted = Included | Number | Values | Allowance

# Every entitlement to a switch is the same one.
_INCLUDED: Final = Included()


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one subscription, or one promotional grant, grants of one feature.

    Attributes:
        phase: When, as far as the subscription gives access then.
    """

    feature_id: str
    source: Source
    grant: Granted
    phase: Phase


def resolve(subscription: Subscription, plans: Mapping[PlanKey, PlanVersion]) -> tuple[Entitlement, ...]:
    """What the subscription grants, feature by feature, now and from each time on at which it is known to change.

    The committed quantity of a `PER_UNIT` charge is a hard limit; add-ons meet it as they meet what the plan includes. Periods
    that begin with the subscription are anchored at its start; those of the calendar at the start of the unit that holds the
    subscription's start, in its time zone; billing periods where the subscription says. What goes on unchanged from one phase to
    the next is one entitlement.

    Raises:
        ValueError: The subscription holds an add-on that its plan version does not pin.
    """
    periods = _Periods(subscription)
    resolved: list[Entitlement] = []
    newest: dict[str, int] = {}
    for phase, terms, anchor in subscription.phases():
        plan = plans[terms.plan_id, terms.plan_version]
        sources: dict[int, Source] = {}
        for feature_id, grant, version in _grants(terms, plan):
            source = sources.setdefault(version, Source(subscription.id, plan.plan_id, version))
            made = Entitlement(feature_id, source, _granted(grant, periods, terms=terms, anchor=anchor), phase)
            index = newest.get(feature_id)
            if index is not None and _goes_on(resolved[index], made):
                resolved[index] = replace(resolved[index], phase=Phase(resolved[index].phase.since, phase.until))
            else:
                newest[feature_id] = len(resolved)
                resolved.append(made)
    return tuple(resolved)


def _goes_on(before: Entitlement, after: Entitlement) -> bool:
    return before.phase.until == after.phase.since and (before.source, before.grant) == (after.source, after.grant)


def _grants(terms: Terms, plan: PlanVersion) -> Iterator[tuple[str, PlainGrant, int]]:
    """Feature, what plan and add-ons together grant of it, and the version that it comes from."""
    increments: defaultdict[str, list[tuple[PlainGrant, int]]] = defaultdict(list)
    overrides: defaultdict[str, list[PlainGrant]] = defaultdict(list)
    for add_on_id, quantity in terms.add_ons.items():
        if add_on_id not in plan.add_ons:
            raise ValueError(f"version {plan.version} of the plan {plan.plan_id} pins no add-on {add_on_id}")
        for added in plan.add_ons[add_on_id] if quantity > 0 else ():
            if added.overrides:
                overrides[added.feature_id].append(added.grant)
            else:
                increments[added.feature_id].append((added.grant, quantity))
    own = {feature_id: (_plain(grant, feature_id, terms), version) for feature_id, grant, version in plan.granted()}
    for feature_id in dict.fromkeys((*own, *increments, *overrides)):
        grant, version = own.get(feature_id, (None, plan.version))
        if grant is None or feature_id in increments or feature_id in overrides:
            grant = merged(grant, increments[feature_id], overrides[feature_id])
        yield feature_id, grant, version


def _plain(grant: Grant, feature_id: str, terms: Terms) -> PlainGrant:
    if isinstance(grant, CommittedGrant):
        return MeteredGrant(terms.commitments.get(feature_id, grant.minimum), soft=False, reset=grant.reset)
    return grant


def _granted(grant: PlainGrant, periods: "_Periods", *, terms: Terms, anchor: datetime) -> Granted:
    match grant:
        case BooleanGrant():
            return _INCLUDED
        case NumericGrant(value):
            return Number(value)
        case EnumGrant(values):
            return Values(values)
        case MeteredGrant(limit, soft, reset):
            return Allowance(limit, soft, periods.of(reset, terms, anchor=anchor))
        case _:
            assert_never(grant)


class _Periods:
    """The recurrences of one subscription: entitlements that count in the same periods share them."""

    def __init__(self, subscription: Subscription) -> None:
        self._zone = subscription.time_zone
        self._start = subscription.start_time
        self._known: dict[tuple[Interval, datetime], Recurrence] = {}

    def of(self, reset: Reset | None, terms: Terms, *, anchor: datetime) -> Recurrence | None:
        """The periods of a reset; `anchor` is where billing periods begin."""
        if reset is None:
            return None
        if reset.interval is ResetInterval.BILLING_PERIOD:
            return self._recurrence(Interval.of(terms.billing_period), anchor)
        interval, start = Interval(reset.interval.value), self._start
        if reset.at_calendar:
            start = calendar_anchor(interval, start, zone=self._zone, week_start=reset.week_start)
        return self._recurrence(interval, start)

    def _recurrence(self, interval: Interval, anchor: datetime) -> Recurrence:
        key = (interval, anchor)
        if key not in self._known:
            self._known[key] = Recurrence(interval, anchor, self._zone)
        return self._known[key]
