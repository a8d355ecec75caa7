"""Which series exist, remembered: they are never taken away, so one that was seen need not be made again."""

from collections.abc import Iterable

from metering.domain.series import Series

# Series that are remembered; then all are forgotten and looked up again: 200,000 are some 50 MB.
MOST_REMEMBERED = 200_000


class KnownSeries:
    """Series that are surely in the store."""

    def __init__(self) -> None:
        self._known: set[Series] = set()

    def missing(self, wanted: Iterable[Series]) -> set[Series]:
        """Those that may have to be made."""
        return set(wanted) - self._known

    def remember(self, series: set[Series]) -> None:
        """Takes note of series that are committed."""
        if len(self._known) + len(series) > MOST_REMEMBERED:
            self._known.clear()
        self._known |= series
