"""What published versions of plans and add-ons grant. They never change: each is fetched once and kept for ever."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from entitlements.domain.feature import Feature


class ResetInterval(StrEnum):
    """How often usage starts again at zero."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"
    BILLING_PERIOD = "BILLING_PERIOD"


@dataclass(frozen=True, slots=True)
class Reset:
    """When usage starts again at zero.

    Attributes:
        at_calendar: Whether periods begin at the start of the calendar's unit instead of the subscription's start.
        week_start: The first day of a calendar week: Monday 0 to Sunday 6.
    """

    interval: ResetInterval
    at_calendar: bool = False
    week_start: int = 0


@dataclass(frozen=True, slots=True)
class BooleanGrant:
    """The feature is on."""


@dataclass(frozen=True, slots=True)
class NumericGrant:
    """The feature has this number."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class EnumGrant:
    """Some values of the feature are granted."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeteredGrant:
    """The feature may be used up to a limit.

    Attributes:
        limit: Inclusive; None is unlimited.
        soft: Usage above the limit is granted all the same.
        reset: None is never.
    """

    limit: Decimal | None
    soft: bool
    reset: Reset | None


@dataclass(frozen=True, slots=True)
class CommittedGrant:
    """The feature may be used up to what the subscription commits and pays in advance.

    Attributes:
        minimum: The limit where the subscription names none: the least that can be committed.
        reset: None is never.
    """

    minimum: Decimal
    reset: Reset | None


# What stands for itself, whatever a subscription commits.
PlainGrant = BooleanGrant | NumericGrant | EnumGrant | MeteredGrant
Grant = PlainGrant | CommittedGrant


@dataclass(frozen=True, slots=True)
class AddOnGrant:
    """What one unit of an add-on grants of one feature.

    Attributes:
        overrides: It takes the place of what the plan and other add-ons grant, instead of being added to it.
    """

    feature_id: str
    grant: PlainGrant
    overrides: bool


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A published version of a plan.

    Attributes:
        included: What it grants beside its charges, by feature id.
        included_version: The version that `included` comes from: this one, or a newer one whose entitlements are carried.
        sold: What its charges grant, by feature id.
        add_ons: What the add-ons that it pins grant, by the add-on's id.
        features: Every feature granted, as it was when the version was published.
    """

    plan_id: str
    version: int
    included: Mapping[str, PlainGrant]
    included_version: int
    sold: Mapping[str, Grant]
    add_ons: Mapping[str, tuple[AddOnGrant, ...]]
    features: tuple[Feature, ...]

    def granted(self) -> Iterator[tuple[str, Grant, int]]:
        """Feature, grant and the version it comes from. What a charge grants stays, whatever is included."""
        for feature_id, included in self.included.items():
            if feature_id not in self.sold:
                yield feature_id, included, self.included_version
        for feature_id, sold in self.sold.items():
            yield feature_id, sold, self.version

    def feature_ids(self) -> frozenset[str]:
        """Every feature that it may grant, with add-ons or without."""
        added = (grant.feature_id for grants in self.add_ons.values() for grant in grants)
        return frozenset((*self.included, *self.sold, *added))

    def carrying(self, newer: "PlanVersion") -> "PlanVersion":
        """This version with the entitlements of a newer one; what is sold, and its add-ons, stay its own."""
        return replace(
            self,
            included=newer.included,
            included_version=newer.version,
            features=(*self.features, *newer.features),
        )


@dataclass(frozen=True, slots=True)
class Carried:
    """Which version's entitlements reach the subscriptions of all older versions of a plan.

    Attributes:
        version: 0 for none.
        revision: The catalog's, of the plan; a newer state has a greater one.
        change: Our own number of when the version became this; 0: it was not stored yet.
    """

    plan_id: str
    version: int
    revision: int
    change: int = 0
