"""A feature as metering sees it: whether it has usage, and where that comes from."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kernel.errors import TollkeeperError, not_found, precondition
from metering.domain.meter import Meter

# Where a feature says nothing of it.
DEFAULT_THRESHOLDS: Final = (80, 100)


class UsageSource(StrEnum):
    """Where the usage of a metered feature comes from. `NONE`: the feature is not metered."""

    NONE = "NONE"
    CALCULATED = "CALCULATED"
    EVENTS = "EVENTS"


@dataclass(frozen=True, slots=True)
class Feature:
    """What metering keeps of a feature, and the revision it was learned at. Only the thresholds ever change.

    Attributes:
        meter: For `EVENTS`, and only for it.
        thresholds: The shares of a limit, in percent, whose crossing is announced.
    """

    id: str
    source: UsageSource
    meter: Meter | None
    revision: int
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS


def require_metered(feature: Feature) -> None:
    """Refuses a feature without usage.

    Raises:
        TollkeeperError: `FEATURE_NOT_METERED`.
    """
    if feature.source is UsageSource.NONE:
        raise precondition(
            "FEATURE_NOT_METERED", f"The feature {feature.id} is not metered: it has no usage.", feature_id=feature.id
        )


def require_calculated(feature: Feature) -> None:
    """Refuses a feature whose usage is not reported.

    Raises:
        TollkeeperError: `FEATURE_NOT_METERED`, `FEATURE_NOT_CALCULATED`.
    """
    require_metered(feature)
    if feature.source is not UsageSource.CALCULATED:
        raise precondition(
            "FEATURE_NOT_CALCULATED",
            f"The usage of {feature.id} comes from raw events. Report those with EventService.ReportEvents.",
            feature_id=feature.id,
        )


def unknown_feature(feature_id: str) -> TollkeeperError:
    """`FEATURE_NOT_FOUND`."""
    return not_found("FEATURE_NOT_FOUND", f"No feature has the id {feature_id}.", feature_id=feature_id)
