"""What features in shadow mode would have been refused, counted."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from entitlements.domain.decision import Reason

# Counts that wait to be stored: a day's worth of ten thousand features; while the database is away for longer, more are dropped.
MAX_COUNTS: Final = 10_000

# The day, the feature and the reason.
Key = tuple[date, str, Reason]


@dataclass(frozen=True, slots=True)
class ShadowRefusals:
    """How often a feature would have been refused on a day (UTC, real time)."""

    day: date
    feature_id: str
    reason: Reason
    count: int


class ShadowTally:
    """Counts that are not stored yet; bounded."""

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def note(self, key: Key, count: int = 1) -> bool:
        """Counts; False where there is no room for another key."""
        known = self._counts.get(key)
        if known is None and len(self._counts) >= MAX_COUNTS:
            return False
        self._counts[key] = count if known is None else known + count
        return True

    def take(self) -> list[ShadowRefusals]:
        """Empties it: the counts in the order of their keys."""
        taken, self._counts = self._counts, {}
        return [ShadowRefusals(*key, taken[key]) for key in sorted(taken)]
