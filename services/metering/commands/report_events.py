"""Takes in raw events: stores the new ones and counts them, many callers in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kernel.errors import ErrorKind, TollkeeperError
from metering.commands.gatherer import Gatherer
from metering.commands.meters import Meters
from metering.commands.publish_frames import PublishFrames
from metering.commands.settle_times import SettleTimes
from metering.domain.event_batch import EventBatch
from metering.domain.meter import Aggregation
from metering.domain.meter_set import Readings, Usage, amount, measure, without_rows
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import Place, Tracker, Window
from metering.domain.value import distinct_key
from metering.store import events, features, series, trackers, windows
from metering.store.known_series import KnownSeries
from metering.store.line import ConcurrentWriteError, Line, Raw

# Events in one transaction: larger ones gain nothing more and keep callers waiting (20,000 take half a second).
MOST_TOGETHER = 20_000
# Events that wait: some seconds' worth; beyond, callers do better to back off.
MOST_WAITING = 100_000
# Bytes of dimensions that weigh as much as an event: the events that wait hold at most 50 MB.
BYTES_AN_EVENT = 512
# How often a transaction is tried that others got in the way of.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a batch.

    Attributes:
        revision: At least that of every window which counts one of its events.
    """

    new: int
    duplicates: int
    revision: int


@dataclass(slots=True)
class _Call:
    batch: EventBatch
    keys: list[str]
    lines: list[str]
    version: int
    usage: Usage


class ReportEvents:
    """Stores a batch and counts its new events in the windows of their times; all of it, or nothing."""

    def __init__(
        self, line: Line, meters: Meters, known_series: KnownSeries, *, settle: SettleTimes, frames: PublishFrames
    ) -> None:
        self._line = line
        self._meters = meters
        self._known_series = known_series
        self._settle = settle
        self._frames = frames
        self._finder = SpanFinder()
        self.gatherer = Gatherer[_Call, Reported](self._run, most_together=MOST_TOGETHER, most_waiting=MOST_WAITING)

    async def __call__(self, batch: EventBatch) -> Reported:
        """Returns once the events are durable.

        Raises:
            TollkeeperError: `INVALID_FIELD`, `OVERLOADED`, `DEPENDENCY_UNAVAILABLE`.
        """
        await self._settle(batch)
        meters = self._meters.current
        keys = events.copy_keys(batch)
        call = _Call(batch, keys, events.copy_lines(batch, keys), meters.version, measure(meters, batch))
        weight = max(len(batch), sum(map(len, batch.dimension_texts)) // BYTES_AN_EVENT)
        return await self.gatherer.submit(call, weight=weight)

    async def _run(self, calls: Sequence[_Call]) -> Sequence[Reported | TollkeeperError]:
        for _ in range(ATTEMPTS):
            try:
                return await self._write(calls)
            except ConcurrentWriteError:
                continue
        raise TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request.")

    async def _write(self, calls: Sequence[_Call]) -> Sequence[Reported]:
        async with self._line.transaction() as connection:
            await self._measure_again(calls, connection)
            missing = self._known_series.missing(one for call in calls for one in call.usage)
            await series.ensure(connection, missing)
            late = await self._store_new(connection, calls)
            usage = _merged(calls, late)
            revision, changed = await self._count(connection, usage)
        self._known_series.remember(missing)
        self._frames.changed(changed)
        return [
            Reported(len(call.keys) - len(rows), len(rows), revision) for call, rows in zip(calls, late, strict=True)
        ]

    async def _measure_again(self, calls: Sequence[_Call], connection: Raw) -> None:
        """Holds the meters, and measures what was measured before they became what they are."""
        version = await features.hold_meters(connection)
        meters = await self._meters.at(version, connection)
        for call in calls:
            if call.version != version:
                call.version, call.usage = version, measure(meters, call.batch)

    async def _store_new(self, connection: Raw, calls: Sequence[_Call]) -> list[frozenset[int]]:
        """Lets in and stores the events whose keys are new; gives the rows of each call that are not."""
        keys = [key for call in calls for key in call.keys]
        lines = [line for call in calls for line in call.lines]
        first = range(len(keys)) if len(set(keys)) == len(keys) else _first_of_each(keys)
        known = await events.let_in(connection, keys, first)
        new = first if not known and len(first) == len(keys) else [row for row in first if row not in known]
        if new:
            await events.store(connection, lines if len(new) == len(lines) else [lines[row] for row in new])
        return _late_of_each(
            calls, frozenset(range(len(keys))).difference(new) if len(new) < len(keys) else frozenset()
        )

    async def _count(self, connection: Raw, usage: Usage) -> tuple[int, list[Window]]:
        """Adds to the windows of the trackers, under the locks of their series."""
        found: Mapping[Series, Sequence[Tracker]] = {}
        if usage:
            await series.lock(connection, usage)
            found = await trackers.of_series(connection, usage)
        (revision,) = await series.next_revisions(connection, 1)
        aggregations = self._meters.current.aggregations
        sums: list[tuple[Place, Decimal]] = []
        seen: list[tuple[Place, str]] = []
        for tracker in (tracker for several in found.values() for tracker in several):
            for span, values in self._finder.spread(tracker.periods, usage[tracker.series]).items():
                place = Place(tracker, span)
                if aggregations[tracker.series.feature_id] is Aggregation.UNIQUE:
                    seen.extend((place, key) for key in {distinct_key(value) for value in values})
                else:
                    sums.append((place, amount(values)))
        places = {place.key: place for place, _ in seen}
        distinct = await windows.add_distinct(connection, seen)
        sums.extend((places[key], Decimal(count)) for key, count in distinct.items())
        return revision, await windows.add(connection, sums, revision=revision)


def _first_of_each(keys: Sequence[str]) -> Sequence[int]:
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    return list(first.values())


def _late_of_each(calls: Sequence[_Call], late: frozenset[int]) -> list[frozenset[int]]:
    if len(calls) == 1 or not late:
        return [late] * len(calls)
    of_each, offset = [], 0
    for call in calls:
        of_each.append(frozenset(row for row in range(len(call.keys)) if row + offset in late))
        offset += len(call.keys)
    return of_each


def _merged(calls: Sequence[_Call], late: Sequence[frozenset[int]]) -> Usage:
    """What the new events of all calls add; rows no longer mean anything then."""
    merged: Usage = {}
    for call, rows in zip(calls, late, strict=True):
        for one, readings in (without_rows(call.usage, rows) if rows else call.usage).items():
            known = merged.get(one)
            if known is None:
                # A copy: a transaction that fails is run again with the same calls.
                merged[one] = Readings(readings.times[:], readings.values[:])
            else:
                known.times += readings.times
                known.values += readings.values
    return merged
