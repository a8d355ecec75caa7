"""Usage of a range: how it is cut, and how far an answer may go."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.errors import FieldViolation, TollkeeperError, invalid
from kernel.period import Period
from kernel.recurrence import Interval, Recurrence, calendar_anchor
from metering.domain.feature import Feature, require_metered
from metering.domain.series import Series

MAX_POINTS: Final = 10_000
MAX_GROUPS: Final = 4
# The contract's bounds of one measurement. Each span is a statement over all that is stored in it.
MAX_SPANS: Final = 100
# Ten years have at most 3,653 days, and a local boundary may move by some hours more.
LONGEST_SPAN: Final = timedelta(days=3_654)


class Granularity(StrEnum):
    """How a range is cut into points."""

    WHOLE = "WHOLE"
    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """What is asked.

    Attributes:
        series: A resource, or the customer as a whole.
        period: The range, not empty.
        zone: Whose days and months cut the range.
        group_by: Names of dimensions.
    """

    series: Series
    period: Period
    granularity: Granularity
    zone: str
    group_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """The usage of one period and group."""

    period: Period
    value: Decimal
    group: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UsageAnswer:
    """Points in order, and how many matching events were skipped."""

    points: tuple[UsagePoint, ...]
    skipped: int


@dataclass(frozen=True, slots=True)
class UsageSpan:
    """A span of time of a series that need not be a period of any tracker; possibly empty."""

    series: Series
    period: Period


@dataclass(frozen=True, slots=True)
class MeasuredUsage:
    """The usage in a span.

    Attributes:
        revision: The newest among the windows of the series; 0 where no window counts it.
        incomplete: Some raw events of the span may have been let go: the value is what is left.
    """

    value: Decimal
    revision: int
    incomplete: bool


def cuts(query: UsageQuery) -> Recurrence | None:
    """The recurrence whose periods cut the range; None: it is not cut."""
    match query.granularity:
        case Granularity.WHOLE:
            return None
        case Granularity.HOUR | Granularity.DAY | Granularity.MONTH:
            interval = Interval(query.granularity.value)
            return Recurrence(interval, calendar_anchor(interval, query.period.start, zone=query.zone), query.zone)


def check_grouping(feature: Feature, query: UsageQuery) -> None:
    """Refuses to group what has no dimensions.

    Raises:
        TollkeeperError: `FEATURE_NOT_METERED`, `INVALID_FIELD`.
    """
    require_metered(feature)
    if query.group_by and feature.meter is None:
        raise invalid(FieldViolation("group_by", "must be empty for calculated usage, which has no dimensions"))


def clipped(start: datetime, end: datetime, period: Period) -> Period:
    """The part of ``[start, end)`` that lies in the period."""
    return Period(max(start, period.start), min(end, period.end))


def too_many_points() -> TollkeeperError:
    """`TOO_MANY_POINTS`."""
    return invalid(
        FieldViolation(
            "granularity",
            f"the answer would have more than {MAX_POINTS:,} points; ask for a shorter range, a coarser granularity, or fewer groups",
        ),
        reason="TOO_MANY_POINTS",
    )
