"""The shares of a limit whose crossing is announced."""

from typing import Final

from catalog.domain.text import check_count, check_unique
from kernel.errors import Mistakes

# Percentages of the limit, ascending once settled.
Thresholds = tuple[int, ...]

DEFAULT_THRESHOLDS: Final[Thresholds] = (80, 100)
# Each report compares with each, and each is an event that somebody reads.
MAX_THRESHOLDS: Final = 10
# Ten times the limit: a soft limit can be passed by any amount, but what lies further is another limit.
MAX_PERCENT: Final = 1_000


def check_thresholds(percents: Thresholds, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of thresholds; none at all is fine: nothing is announced then."""
    check_count(percents, path, mistakes, least=0, most=MAX_THRESHOLDS)
    for number, percent in enumerate(percents):
        if not 1 <= percent <= MAX_PERCENT:
            mistakes.add(f"{path}[{number}]", f"must be a percentage of the limit from 1 to {MAX_PERCENT:,}")
    check_unique([str(percent) for percent in percents], path, mistakes)


def settle_thresholds(percents: Thresholds | None) -> Thresholds:
    """The checked thresholds in ascending order; those of everybody who says nothing where they are left out."""
    return DEFAULT_THRESHOLDS if percents is None else tuple(sorted(percents))
