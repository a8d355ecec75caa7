"""Announces that usage reached a share of its limit, in the transaction that changed the usage or the limit."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from metering.domain.series import Series
from metering.domain.threshold import Crossing, Share, StandingLimits, crossings
from metering.domain.tracker import Window
from metering.messages.limits import crossing_to_proto
from metering.store import announcements, features, limits
from metering.store.line import Raw

# Trackers whose limits are remembered, and shares that are known to be announced; then all are forgotten and read again: 100,000 are
# some 50 MB.
MOST_REMEMBERED: Final = 100_000
# For so long the shares of a feature are believed: a change of them takes effect within that.
BELIEVED_SECONDS: Final = 1.0


class AnnounceCrossings:
    """Compares in memory; asks the store where limits changed since, and where a share is reached."""

    def __init__(self) -> None:
        self._limits: dict[int, StandingLimits] = {}
        self._percents: dict[str, tuple[float, tuple[int, ...]]] = {}
        self._announced: set[Share] = set()

    async def __call__(
        self,
        connection: Raw,
        changed: Sequence[Window],
        versions: Mapping[Series, int],
        *,
        at: Callable[[Window], datetime],
    ) -> None:
        """Announces what windows have reached that a transaction changed, once in a period.

        Args:
            connection: Of the transaction.
            changed: As they are stored now.
            versions: Of the limits, as the locked rows of the windows' series tell them.
            at: The newest usage of the transaction in a window, in the customer's time.
        """
        limited = [(window, version) for window in changed if (version := versions.get(window.tracker.series))]
        if not limited:
            return
        await self._read_limits(connection, limited)
        percents = await self.percents_of(connection, {window.tracker.series.feature_id for window, _ in limited})
        found: list[Crossing] = []
        for window, _ in limited:
            tracker = window.tracker
            standing, wanted = self._limits[tracker.id], percents[tracker.series.feature_id]
            if standing.may_be_reached(window.value, wanted):
                key = window.key
                new = [percent for percent in wanted if (key, percent) not in self._announced]
                if new:
                    found += crossings(window, standing.spans, new, at=at(window))
        await self.announce(connection, found)

    async def announce(self, connection: Raw, found: Sequence[Crossing]) -> None:
        """Announces those that were not yet."""
        if not found:
            return
        new = await limits.cross(connection, found)
        if len(self._announced) > MOST_REMEMBERED:
            self._announced.clear()
        # What is new may still be rolled back: it is remembered when it is met again.
        self._announced.update(crossing.share for crossing in found if crossing.share not in new)
        events = [
            (crossing.window.tracker.series.customer_id, crossing_to_proto(crossing))
            for crossing in found
            if crossing.share in new
        ]
        if events:
            await announcements.put(connection, "threshold", "crossed", events)

    async def _read_limits(self, connection: Raw, limited: Sequence[tuple[Window, int]]) -> None:
        """Brings the limits over the windows' trackers up to these versions."""
        behind: list[tuple[Window, int]] = []
        for one in limited:
            standing = self._limits.get(one[0].tracker.id)
            if standing is None or standing.version != one[1]:
                behind.append(one)
        if behind:
            read = await limits.of_trackers(connection, [window.tracker.id for window, _ in behind])
            if len(self._limits) + len(behind) > MOST_REMEMBERED:
                self._limits = {
                    window.tracker.id: self._limits[window.tracker.id]
                    for window, _ in limited
                    if window.tracker.id in self._limits
                }
            for window, version in behind:
                self._limits[window.tracker.id] = StandingLimits(version, read.get(window.tracker.id, ()))

    async def percents_of(self, connection: Raw, feature_ids: Collection[str]) -> Mapping[str, tuple[int, ...]]:
        """The shares whose crossing is announced, of each of these features."""
        now = time.monotonic()
        missing = [
            feature_id
            for feature_id in feature_ids
            if feature_id not in self._percents or self._percents[feature_id][0] + BELIEVED_SECONDS < now
        ]
        if missing:
            read = await features.thresholds(connection, missing)
            self._percents.update({feature_id: (now, read.get(feature_id, ())) for feature_id in missing})
        return {feature_id: self._percents[feature_id][1] for feature_id in feature_ids}
