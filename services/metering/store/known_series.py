"""Makes sure that series exist before a transaction locks them."""

from collections.abc import Iterable

from metering.domain.series import Series
from metering.store import series
from metering.store.line import Line

# Series that are remembered to exist; then all are forgotten and looked up again: 200,000 are some 50 MB.
MOST_REMEMBERED = 200_000


class KnownSeries:
    """Series are never taken away, so one that was seen need not be made again."""

    def __init__(self) -> None:
        self._known: set[Series] = set()

    async def ensure(self, line: Line, wanted: Iterable[Series]) -> None:
        """In a transaction of its own, unless all are known."""
        missing = set(wanted) - self._known
        if not missing:
            return
        async with line.transaction() as connection:
            await series.ensure(connection, missing)
        if len(self._known) + len(missing) > MOST_REMEMBERED:
            self._known.clear()
        self._known |= missing
