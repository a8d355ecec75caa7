"""Compares windows with the raw events and measurements that they count, and puts right what differs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from metering.commands.announce_crossings import AnnounceCrossings
from metering.domain.feature import Feature
from metering.domain.rebuild import Progress, Scope, Wrong, first_told
from metering.domain.series import Series
from metering.domain.tracker import EPOCH, Place, Span, Tracker, Window, microseconds, span_start
from metering.store import backfill, features, horizon, series, trackers
from metering.store import rebuild as store
from metering.store.line import raw_of

# Called after each series and each thousand windows.
Watch = Callable[[Progress], Awaitable[None]]
# Told of windows that were put right, once that is committed.
Publish = Callable[[Sequence[Window]], None]


@dataclass(frozen=True, slots=True)
class _Task:
    """What is told of one series at the beginning: its trackers are never taken away, and a newer one counts rightly."""

    feature: Feature
    trackers: Sequence[Tracker]
    horizon: int


class Rebuild:
    """Safe beside everything else: it looks without a lock, and what differs is counted again under the lock of its series.

    Whatever a transaction of an ingest stores it counts as well, so a snapshot that differs is a fault and never a race.
    """

    def __init__(self, database: Database, publish: Publish, *, announce: AnnounceCrossings) -> None:
        self._database = database
        self._publish = publish
        self._announce = announce

    async def __call__(self, scope: Scope, *, repair: bool, watch: Watch) -> Progress:
        """Goes through the windows of the scope in the order of their series.

        Interrupted, it leaves whole what it has put right; begun again, it finds that equal.
        """
        async with self._database.read() as connection:
            progress = Progress(await store.count_series(connection, scope))
        after: Series | None = None
        while True:
            async with self._database.read() as connection:
                page = await store.page_of_series(connection, scope, after)
            for one in page:
                await self._series(one, scope, progress, repair=repair, watch=watch)
                progress.series += 1
                await watch(progress)
            if not page:
                return progress
            after = page[-1]

    async def _series(self, one: Series, scope: Scope, progress: Progress, *, repair: bool, watch: Watch) -> None:
        async with self._database.read() as connection:
            feature = await features.get(connection, one.feature_id)
            assert feature is not None  # noqa: S101 - the series refers to it.
            since = await _told_since(connection, feature, one)
            several = (await trackers.of_series(await raw_of(connection), [one])).get(one, ())
        task = _Task(feature, several, since)
        for tracker in task.trackers:
            if tracker.periods is None:
                await self._endless(task, tracker, progress, repair=repair)
            else:
                await self._periods(task, tracker, scope, progress=progress, repair=repair, watch=watch)

    async def _endless(self, task: _Task, tracker: Tracker, progress: Progress, *, repair: bool) -> None:
        if task.horizon:
            await self._leave_alone(tracker, progress, first=EPOCH, before=None)
            return
        await self._compare(task, tracker, [None], progress, repair=repair)

    async def _periods(
        self, task: _Task, tracker: Tracker, scope: Scope, *, progress: Progress, repair: bool, watch: Watch
    ) -> None:
        periods = tracker.periods
        assert periods is not None  # noqa: S101 - as its caller has looked.
        reach = scope.reach(periods)
        if reach is None:
            return
        start, end = reach
        first = first_told(periods, start, task.horizon)
        if first > start:
            await self._leave_alone(tracker, progress, first=start, before=first if end is None else min(first, end))
        while end is None or first < end:
            async with self._database.read() as connection:
                await store.take_time(connection)
                run = await store.next_run(connection, task.feature, tracker, first=first, before=end)
            if not run or run[-1] is None:
                return
            await self._compare(task, tracker, run, progress, repair=repair)
            await watch(progress)
            first = run[-1].end

    async def _leave_alone(
        self, tracker: Tracker, progress: Progress, *, first: datetime, before: datetime | None
    ) -> None:
        async with self._database.read() as connection:
            progress.left_alone += await store.count_windows(connection, tracker, first=first, before=before)

    async def _compare(
        self, task: _Task, tracker: Tracker, run: Sequence[Span], progress: Progress, *, repair: bool
    ) -> None:
        async with self._database.read() as connection:
            await store.take_time(connection)
            inspection = await backfill.inspect(connection, task.feature, tracker, run)
        progress.windows += inspection.windows
        for one in inspection.differences:
            progress.note(Wrong(one.place, one.value, one.right))
        if repair and inspection.differences:
            progress.repaired += await self._repair(task, [one.place for one in inspection.differences])

    async def _repair(self, task: _Task, places: Sequence[Place]) -> int:
        told = places
        while told:
            try:
                changed = await self._recompute(task, told)
            except _MovedError as moved:
                told = [place for place in told if _start(place) >= moved.horizon]
            else:
                self._publish([recomputed.window for recomputed in changed])
                return len(changed)
        return 0

    async def _recompute(self, task: _Task, places: Sequence[Place]) -> Sequence[backfill.Recomputed]:
        one = places[0].tracker.series
        async with self._database.write() as connection:
            await store.take_time(connection)
            raw = await raw_of(connection)
            # What is reserved of a resource stands under the lock of its customer as a whole.
            limits = await series.lock(raw, {one, one.whole})
            (revision,) = await series.next_revisions(raw, 1)
            changed = await backfill.recompute(connection, {task.feature.id: task.feature}, places, revision=revision)
            # Read after the events: had some been let go before they were read, the horizon would have moved before that.
            since = await _told_since(connection, task.feature, one)
            if since > min(map(_start, places)):
                raise _MovedError(since)
            if limits[one]:
                windows = [recomputed.window for recomputed in changed]
                newest = {window.key: await store.newest_in(connection, task.feature, window) for window in windows}
                await self._announce(raw, windows, limits, at=lambda window: newest[window.key])
        return changed


class _MovedError(Exception):
    """The horizon moved beyond a window; nothing was written."""

    def __init__(self, horizon: int) -> None:
        super().__init__(horizon)
        self.horizon = horizon


async def _told_since(connection: AsyncConnection, feature: Feature, one: Series) -> int:
    """From when on what is stored tells the usage; only raw events are ever let go."""
    return 0 if feature.meter is None else await horizon.of_customer(connection, one.customer_id)


def _start(place: Place) -> int:
    return microseconds(span_start(place.span))
