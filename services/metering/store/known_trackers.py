"""Trackers by what they count, remembered: they are never taken away, and everybody asks for the same ones."""

from collections.abc import Collection, Mapping, Sequence

from kit.db import Database
from metering.domain.account import Account
from metering.domain.series import Series
from metering.domain.tracker import Periods, Tracker
from metering.store import trackers
from metering.store.line import Raw, raw_of

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


class SeriesTrackers:
    """All trackers of each series, remembered together with their number: as they are never taken away, who knows as many as a
    locked series counts knows them all.
    """

    def __init__(self) -> None:
        self._known: dict[Series, Sequence[Tracker]] = {}

    async def of(self, connection: Raw, locked: Mapping[Series, Account]) -> Mapping[Series, Sequence[Tracker]]:
        """The trackers of series that this transaction has locked."""
        known = self._known
        found = {one: known.get(one, ()) for one in locked}
        missing = [one for one, account in locked.items() if len(found[one]) != account.tracker_count]
        return {**found, **await self.read(connection, missing)} if missing else found

    async def read(self, connection: Raw, series: Collection[Series]) -> Mapping[Series, Sequence[Tracker]]:
        """The trackers as they are stored. Remembered for what is locked only to be compared with its number."""
        stored = await trackers.of_series(connection, series)
        if len(self._known) + len(series) > MOST_REMEMBERED:
            self._known.clear()
        found = {one: stored.get(one, ()) for one in series}
        self._known.update(found)
        return found
