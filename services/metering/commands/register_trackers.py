"""Makes sure that trackers exist, and count what is stored already."""

from collections.abc import Mapping, Sequence

from kit.db import Database
from metering.commands.find_feature import FindFeature
from metering.domain.feature import Feature, require_metered
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import Periods, Tracker
from metering.store import backfill, reservations, series, trackers
from metering.store.known_trackers import KnownTrackers, Wanted
from metering.store.line import raw_of

# Series in one transaction: their locks are held while their usage is counted.
MOST_TOGETHER = 50


class RegisterTrackers:
    """Registers what is missing; a tracker over usage that is stored counts it before anybody sees the tracker."""

    def __init__(self, database: Database, find_feature: FindFeature, known: KnownTrackers) -> None:
        self._database = database
        self._find_feature = find_feature
        self._known = known
        self._finder = SpanFinder()

    async def __call__(self, wanted: Sequence[Wanted]) -> Sequence[Tracker]:
        """The trackers in the given order.

        Raises:
            TollkeeperError: `FEATURE_NOT_FOUND`, `FEATURE_NOT_METERED`, `DEPENDENCY_UNAVAILABLE`; nothing is registered then.
        """
        features = await self._find_feature.all(one.feature_id for one, _ in wanted)
        for feature in features.values():
            require_metered(feature)
        known = dict(await self._known.find(set(wanted)))
        missing: dict[Series, set[Periods]] = {}
        for one, periods in wanted:
            if (one, periods) not in known:
                missing.setdefault(one, set()).add(periods)
        in_order = sorted(missing)
        for start in range(0, len(in_order), MOST_TOGETHER):
            some = {one: missing[one] for one in in_order[start : start + MOST_TOGETHER]}
            registered = await self._register(some, features)
            self._known.remember(registered.values())
            known |= registered
        return [known[one] for one in wanted]

    async def _register(
        self, missing: Mapping[Series, set[Periods]], features: Mapping[str, Feature]
    ) -> dict[Wanted, Tracker]:
        async with self._database.write() as connection:
            raw = await raw_of(connection)
            # What is reserved of a resource stands under the lock of its customer as a whole.
            held = {*missing, *(one.whole for one in missing)}
            await series.ensure(raw, held)
            await series.lock(raw, held)
            # Again, under the locks: another caller may have come first.
            known = trackers.by_content(await trackers.of_series(raw, missing))
            (revision,) = await series.next_revisions(raw, 1)
            for one, several in missing.items():
                for periods in several:
                    if (one, periods) not in known:
                        tracker = known[one, periods] = await trackers.add(raw, one, periods)
                        await backfill.count(connection, features[one.feature_id], tracker, revision=revision)
                        await reservations.hold_for(raw, tracker, finder=self._finder, revision=revision)
        return known
