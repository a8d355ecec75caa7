"""Announces that usage reached a share of its limit, in the transaction that changed the usage or the limit."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from kernel.quantity import ZERO
from metering.domain.series import Series
from metering.domain.threshold import Crossing, LimitSpan, Share, crossings, least_limit, reaches
from metering.domain.tracker import Window
from metering.messages.limits import crossing_to_proto
from metering.store import announcements, features, limits
from metering.store.line import Raw

# Series whose limits are remembered, and shares that are known to be announced; then all are forgotten and read again: 100,000 are
# some 50 MB.
MOST_REMEMBERED: Final = 100_000
# For so long the shares of a feature are believed: a change of them takes effect within that.
BELIEVED_SECONDS: Final = 1.0

Limits = Mapping[int, tuple[LimitSpan, ...]]


class AnnounceCrossings:
    """Compares in memory; asks the store where limits changed since, and where a share is reached."""

    def __init__(self) -> None:
        self._limits: dict[Series, tuple[int, Limits]] = {}
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
        limited = [window for window in changed if versions.get(window.tracker.series)]
        if not limited:
            return
        series = {window.tracker.series for window in limited}
        standing = await self._limits_of(connection, {one: versions[one] for one in series})
        percents = await self.percents_of(connection, {one.feature_id for one in series})
        found: list[Crossing] = []
        for window in limited:
            one = window.tracker.series
            spans = standing[one].get(window.tracker.id, ())
            wanted = self._reached(window, spans, percents[one.feature_id])
            if wanted:
                found += crossings(window, spans, wanted, at=at(window))
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

    def _reached(self, window: Window, spans: Sequence[LimitSpan], percents: Sequence[int]) -> list[int]:
        """Shares of the lowest limit that are reached and may not have been announced."""
        least = least_limit(spans)
        if least is None or window.value <= ZERO:
            return []
        key = window.key
        return [
            percent
            for percent in percents
            if reaches(window.value, least, percent) and (key, percent) not in self._announced
        ]

    async def _limits_of(self, connection: Raw, versions: Mapping[Series, int]) -> Mapping[Series, Limits]:
        known = {
            one: self._limits[one][1]
            for one, version in versions.items()
            if one in self._limits and self._limits[one][0] == version
        }
        missing = versions.keys() - known.keys()
        if missing:
            read = await limits.of_series(connection, missing)
            if len(self._limits) + len(read) > MOST_REMEMBERED:
                self._limits.clear()
            self._limits.update({one: (versions[one], read[one]) for one in missing})
            known |= read
        return known

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
