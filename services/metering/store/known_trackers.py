"""Trackers by what they count, remembered: they are never taken away, and everybody asks for the same ones."""

from collections.abc import Collection, Mapping

from kit.db import Database
from metering.domain.series import Series
from metering.domain.tracker import Periods, Tracker
from metering.store import trackers
from metering.store.line import raw_of

# Then all are forgotten and looked up again: 100,000 are some 50 MB.
MOST_REMEMBERED = 100_000

Wanted = tuple[Series, Periods]


class KnownTrackers:
    """Looks in memory first, then in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Wanted, Tracker] = {}

    async def find(self, wanted: Collection[Wanted]) -> Mapping[Wanted, Tracker]:
        """Those of them that are registered."""
        found = {one: self._known[one] for one in wanted if one in self._known}
        missing = [one for one in wanted if one not in found]
        if missing:
            async with self._database.read() as connection:
                stored = await trackers.of_series(await raw_of(connection), {series for series, _ in missing})
            by_content = trackers.by_content(stored)
            self.remember(by_content.values())
            found |= {one: by_content[one] for one in missing if one in by_content}
        return found

    def remember(self, registered: Collection[Tracker]) -> None:
        """Takes note of trackers that are committed."""
        if len(self._known) + len(registered) > MOST_REMEMBERED:
            self._known.clear()
        self._known.update({(tracker.series, tracker.periods): tracker for tracker in registered})
