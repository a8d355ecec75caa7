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
class _Asked:
    scope: Scope
    repair: bool
    watch: Watch
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Task:
    """What is known of a series at the beginning: its trackers are never taken away, and a newer one counts rightly.

    Attributes:
        told_since: What is stored tells the usage from then on, in microseconds since 1970.
    """

    series: Series
    feature: Feature
    trackers: Sequence[Tracker]
    told_since: int


class Rebuild:
    """Safe beside everything else: it looks without a lock, and what differs is counted again under the lock of its series.

    Whatever a transaction stores it counts as well, so a snapshot in which the two differ shows a fault and never a race.
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
        asked = _Asked(scope, repair, watch, progress)
        after: Series | None = None
        while True:
            async with self._database.read() as connection:
                await store.take_time(connection)
                page = await store.page_of_series(connection, scope, after)
                for task in await _tasks(connection, page):
                    await self._series(connection, task, asked)
                    progress.series += 1
                    await watch(progress)
            if not page:
                return progress
            after = page[-1]

    async def _series(self, connection: AsyncConnection, task: _Task, asked: _Asked) -> None:
        for tracker in task.trackers:
            if tracker.periods is not None:
                await self._periods(connection, task, tracker, asked=asked)
            elif task.told_since:
                await _leave_alone(connection, tracker, asked, first=EPOCH, before=None)
            else:
                await self._compare(connection, task, tracker, run=[None], asked=asked)

    async def _periods(self, connection: AsyncConnection, task: _Task, tracker: Tracker, *, asked: _Asked) -> None:
        periods = tracker.periods
        assert periods is not None  # noqa: S101 - as its caller has looked.
        reach = asked.scope.reach(periods)
        if reach is None:
            return
        start, end = reach
        first = first_told(periods, start, task.told_since)
        if first > start:
            before = first if end is None else min(first, end)
            await _leave_alone(connection, tracker, asked, first=start, before=before)
        while end is None or first < end:
            run = await store.next_run(connection, task.feature, tracker, first=first, before=end)
            if not run or run[-1] is None:
                return
            await self._compare(connection, task, tracker, run=run, asked=asked)
            await asked.watch(asked.progress)
            first = run[-1].end

    async def _compare(
        self, connection: AsyncConnection, task: _Task, tracker: Tracker, *, run: Sequence[Span], asked: _Asked
    ) -> None:
        inspection = await backfill.inspect(connection, task.feature, tracker, run)
        asked.progress.windows += inspection.windows
        for one in inspection.differences:
            asked.progress.note(Wrong(one.place, one.value, one.right))
        if asked.repair and inspection.differences:
            asked.progress.repaired += await self._repair(task, [one.place for one in inspection.differences])

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
        one = task.series
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


async def _tasks(connection: AsyncConnection, page: Sequence[Series]) -> list[_Task]:
    if not page:
        return []
    several = await trackers.of_series(await raw_of(connection), page)
    known = {feature_id: await features.get(connection, feature_id) for feature_id in {one.feature_id for one in page}}
    horizons = await horizon.of_customers(connection, {one.customer_id for one in page})
    tasks = []
    for one in page:
        feature = known[one.feature_id]
        assert feature is not None  # noqa: S101 - the series refers to it.
        told_since = 0 if feature.meter is None else horizons[one.customer_id]
        tasks.append(_Task(one, feature, several.get(one, ()), told_since))
    return tasks


async def _leave_alone(
    connection: AsyncConnection, tracker: Tracker, asked: _Asked, *, first: datetime, before: datetime | None
) -> None:
    asked.progress.left_alone += await store.count_windows(connection, tracker, first=first, before=before)


async def _told_since(connection: AsyncConnection, feature: Feature, one: Series) -> int:
    """From when on what is stored tells the usage; only raw events are ever let go."""
    return 0 if feature.meter is None else await horizon.of_customer(connection, one.customer_id)


def _start(place: Place) -> int:
    return microseconds(span_start(place.span))
