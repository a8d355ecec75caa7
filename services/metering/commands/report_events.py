"""Takes in raw events: stores the new ones and counts them, many callers in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kernel.errors import ErrorKind, TollkeeperError
from metering.commands.announce_crossings import AnnounceCrossings
from metering.commands.gatherer import Gatherer
from metering.commands.meters import Meters
from metering.commands.publish_frames import PublishFrames
from metering.commands.settle_times import SettleTimes
from metering.domain.event_batch import EventBatch
from metering.domain.gathered import Gathered, amount, gather, together, value_of
from metering.domain.meter import Aggregation
from metering.domain.meter_set import Readings, Usage, measure, without_rows
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder, newest_in
from metering.domain.tracker import Place, Tracker, Window
from metering.domain.value import distinct_key
from metering.store import events, features, series, trackers, windows
from metering.store import gathered as gathered_store
from metering.store.events import EventLines
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
    lines: EventLines
    version: int
    usage: Usage


class ReportEvents:
    """Stores a batch and counts its new events in the windows of their times; all of it, or nothing."""

    def __init__(
        self,
        line: Line,
        meters: Meters,
        known_series: KnownSeries,
        *,
        settle: SettleTimes,
        announce: AnnounceCrossings,
        frames: PublishFrames,
    ) -> None:
        self._line = line
        self._meters = meters
        self._known_series = known_series
        self._settle = settle
        self._announce = announce
        self._frames = frames
        self._finder = SpanFinder()
        # Nearly always; then they are taken for half the price, and if one was used after all everything is run again.
        self._keys_are_new = True
        self.gatherer = Gatherer[_Call, Reported](self._run, most_together=MOST_TOGETHER, most_waiting=MOST_WAITING)

    async def __call__(self, batch: EventBatch) -> Reported:
        """Returns once the events are durable.

        Raises:
            TollkeeperError: `INVALID_FIELD`, `OVERLOADED`, `DEPENDENCY_UNAVAILABLE`.
        """
        await self._settle(batch)
        meters = self._meters.current
        call = _Call(batch, events.lines_of(batch), meters.version, measure(meters, batch))
        weight = max(len(batch), sum(map(len, batch.dimension_texts)) // BYTES_AN_EVENT)
        return await self.gatherer.submit(call, weight=weight)

    async def _run(self, calls: Sequence[_Call]) -> Sequence[Reported | TollkeeperError]:
        for _ in range(ATTEMPTS):
            try:
                return await self._write(calls)
            except ConcurrentWriteError:
                self._keys_are_new = False
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
            Reported(len(call.lines) - len(rows), len(rows), revision) for call, rows in zip(calls, late, strict=True)
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
        lines = events.joined([call.lines for call in calls])
        new = events.first_rows(lines)
        if self._keys_are_new:
            await events.let_all_in(connection, lines, new)
        else:
            first, new = new, await events.let_in(connection, lines, new)
            self._keys_are_new = len(new) == len(first)
        if new:
            await events.store(connection, lines, new)
        late = frozenset(range(len(lines))).difference(new) if len(new) < len(lines) else frozenset[int]()
        return _late_of_each(calls, late)

    async def _count(self, connection: Raw, usage: Usage) -> tuple[int, list[Window]]:
        """Adds to the windows of the trackers, under the locks of their series."""
        found: Mapping[Series, Sequence[Tracker]] = {}
        limits: Mapping[Series, int] = {}
        if usage:
            limits = await series.lock(connection, usage)
            found = await trackers.of_series(connection, usage)
        (revision,) = await series.next_revisions(connection, 1)
        aggregations = self._meters.current.aggregations
        sums: list[tuple[Place, Decimal]] = []
        seen: dict[Place, set[str]] = {}
        gathered: dict[Place, Gathered] = {}
        for tracker in (tracker for several in found.values() for tracker in several):
            aggregation = aggregations[tracker.series.feature_id]
            for span, values in self._finder.spread(tracker.periods, usage[tracker.series]).items():
                place = Place(tracker, span)
                if aggregation is Aggregation.COUNT or aggregation is Aggregation.SUM:
                    sums.append((place, amount(values)))
                elif aggregation is Aggregation.UNIQUE:
                    seen[place] = {distinct_key(value) for value in values}  # type: ignore[arg-type]  # only `LATEST` has others.
                else:
                    gathered[place] = gather(aggregation, values)
        places = {place.key: place for place in seen}
        distinct = await windows.add_distinct(connection, seen)
        sums.extend((places[key], Decimal(count)) for key, count in distinct.items())
        changed = await windows.add(connection, sums, revision=revision)
        if gathered:
            changed += await self._merge(connection, gathered, revision=revision)
        await self._announce(
            connection, changed, limits, at=lambda window: newest_in(window, usage[window.tracker.series])
        )
        return revision, changed

    async def _merge(self, connection: Raw, found: Mapping[Place, Gathered], *, revision: int) -> list[Window]:
        """Takes what is no sum into its windows; they are locked, so nobody changes what is read here."""
        known = await gathered_store.read(connection, found)
        aggregations = self._meters.current.aggregations
        merged, changed = {}, []
        for place, one in found.items():
            aggregation = aggregations[place.tracker.series.feature_id]
            merged[place] = together(aggregation, known.get(place.key), one)
            changed.append(place.window(value_of(aggregation, merged[place]), revision=revision))
        await gathered_store.put(connection, merged)
        return await windows.put(connection, changed)


def _late_of_each(calls: Sequence[_Call], late: frozenset[int]) -> list[frozenset[int]]:
    if len(calls) == 1 or not late:
        return [late] * len(calls)
    of_each, offset = [], 0
    for call in calls:
        of_each.append(frozenset(row for row in range(len(call.lines)) if row + offset in late))
        offset += len(call.lines)
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
