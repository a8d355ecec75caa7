"""Takes note of the limits over trackers, and looks whether usage has reached a share of one already."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from kernel.quantity import ZERO
from kit.db import Database
from metering.commands.announce_crossings import AnnounceCrossings
from metering.domain.span_finder import SpanFinder
from metering.domain.threshold import Crossing, LimitSpan, TrackerLimits, crossings, next_change
from metering.domain.tracker import Place, Tracker, covers, microseconds, tracker_not_found
from metering.store import accounts, limits, series
from metering.store.known_trackers import KnownTrackers
from metering.store.limits import StoredLimits
from metering.store.line import Raw, raw_of

log = structlog.get_logger()

# Trackers in one transaction: the locks of their series are held meanwhile.
MOST_TOGETHER: Final = 100
# How often limits are looked for that stand from now on without any message.
LOOK_SECONDS: Final = 1.0

Spans = Mapping[Tracker, tuple[LimitSpan, ...]]


class SetLimits:
    """Stores limits; a share that is reached already is announced."""

    def __init__(self, database: Database, known: KnownTrackers, *, announce: AnnounceCrossings) -> None:
        self._database = database
        self._known = known
        self._announce = announce
        self._finder = SpanFinder()

    async def __call__(self, wanted: Sequence[TrackerLimits]) -> None:
        """Stores each that is newer than what stands.

        Raises:
            TollkeeperError: `TRACKER_NOT_FOUND`, `DEPENDENCY_UNAVAILABLE`.
        """
        known = await self._known.find({(each.series, each.periods) for each in wanted})
        newest: dict[Tracker, TrackerLimits] = {}
        for each in wanted:
            tracker = known.get((each.series, each.periods))
            if tracker is None:
                raise tracker_not_found(each.series)
            if tracker not in newest or newest[tracker].entitlement_revision < each.entitlement_revision:
                newest[tracker] = each
        in_order = sorted(newest, key=lambda tracker: tracker.series)
        for start in range(0, len(in_order), MOST_TOGETHER):
            some = in_order[start : start + MOST_TOGETHER]
            async with self._database.write() as connection:
                await self._set(await raw_of(connection), {tracker: newest[tracker] for tracker in some})

    async def run(self) -> None:
        """Looks at limits that stand from a time on, until canceled. Several processes may do it side by side."""
        while True:
            try:
                while await self._look_at_due() == MOST_TOGETHER:
                    pass
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again.
                log.warning("limits_wait", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _set(self, connection: Raw, wanted: Mapping[Tracker, TrackerLimits]) -> None:
        await series.lock(connection, {tracker.series for tracker in wanted})
        known = await limits.revisions(connection, [tracker.id for tracker in wanted])
        newer = {
            tracker: each
            for tracker, each in wanted.items()
            if tracker.id not in known or known[tracker.id] < each.entitlement_revision
        }
        if not newer:
            return
        clocks = await limits.clocks(connection, {tracker.series.customer_id for tracker in newer})
        stored = [
            StoredLimits(
                tracker,
                clocks[tracker.series.customer_id][0],
                each.entitlement_revision,
                each.spans,
                next_change(each.spans, clocks[tracker.series.customer_id][1]),
            )
            for tracker, each in newer.items()
        ]
        (version,) = await series.next_revisions(connection, 1)
        await limits.put(connection, stored, version=version)
        await self._look(connection, {tracker: each.spans for tracker, each in newer.items()}, clocks)

    async def _look_at_due(self) -> int:
        async with self._database.read() as connection:
            due = (await limits.due(await raw_of(connection), most=MOST_TOGETHER))[:MOST_TOGETHER]
        if due:
            async with self._database.write() as connection:
                raw = await raw_of(connection)
                await series.lock(raw, {tracker.series for tracker in due})
                standing = await limits.of_trackers(raw, [tracker.id for tracker in due])
                clocks = await limits.clocks(raw, {tracker.series.customer_id for tracker in due})
                spans = {tracker: standing[tracker.id] for tracker in due}
                await limits.wait(
                    raw,
                    {tracker.id: next_change(spans[tracker], clocks[tracker.series.customer_id][1]) for tracker in due},
                )
                await self._look(raw, spans, clocks)
        return len(due)

    async def _look(self, connection: Raw, spans: Spans, clocks: Mapping[str, tuple[str, datetime]]) -> None:
        """Announces what the usage of the present periods has reached of the limits that stand now."""
        times = {tracker: clocks[tracker.series.customer_id][1] for tracker in spans}
        places = [
            Place(tracker, self._finder.at(tracker.periods, microseconds(time)))
            for tracker, time in times.items()
            if spans[tracker] and covers(tracker.periods, time)
        ]
        if not places:
            return
        stored = await accounts.read_windows(connection, places)
        percents = await self._announce.percents_of(connection, {place.tracker.series.feature_id for place in places})
        found: list[Crossing] = []
        for place in places:
            value, reserved, revision = stored.get(place.key, (ZERO, ZERO, 0))
            if value > ZERO:
                window = place.window(value, revision=revision, reserved=reserved)
                shares = percents[place.tracker.series.feature_id]
                found += crossings(window, spans[place.tracker], shares, at=times[place.tracker])
        await self._announce.announce(connection, found)
