"""What a published plan version grants. It never changes: it is fetched once and kept for ever."""

from dataclasses import dataclass
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


Grant = BooleanGrant | EnumGrant | MeteredGrant | CommittedGrant


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A published version of a plan.

    Attributes:
        grants: By feature id: entitlements and charges alike.
        features: Every feature granted, as it was when the version was published.
    """

    plan_id: str
    version: int
    grants: tuple[tuple[str, Grant], ...]
    features: tuple[Feature, ...]
