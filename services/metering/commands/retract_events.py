"""Takes raw events back: they count nowhere any more, and their keys stay used."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError
from kernel.quantity import EXACT
from kit.db import Database
from metering.commands.announce_crossings import AnnounceCrossings
from metering.commands.meters import Meters
from metering.commands.publish_frames import PublishFrames
from metering.domain.event import Event, EventKey, Retracted, expired
from metering.domain.event_batch import EventBatch
from metering.domain.gathered import amount
from metering.domain.meter import Aggregation
from metering.domain.meter_set import Usage, measure
from metering.domain.span_finder import SpanFinder, newest_in
from metering.domain.tracker import Place, Window, microseconds, span_start
from metering.store import backfill, features, horizon, retractions, series, trackers, windows
from metering.store.line import ConcurrentWriteError, Raw, plain_faults, raw_of

# How often a transaction is tried that others got in the way of.
ATTEMPTS = 5
# What can be taken away from a sum; all else is counted again from the events that are left.
_ADDED = frozenset({Aggregation.COUNT, Aggregation.SUM})


class RetractEvents:
    """Retracts several events, all of them or none; an event that comes later finds its key used up."""

    def __init__(
        self, database: Database, meters: Meters, *, announce: AnnounceCrossings, frames: PublishFrames, clock: Clock
    ) -> None:
        self._database = database
        self._meters = meters
        self._announce = announce
        self._frames = frames
        self._clock = clock
        self._finder = SpanFinder()

    async def __call__(self, keys: Sequence[EventKey], reason: str) -> Retracted:
        """Returns once it is durable; the windows of all trackers that counted the events have followed.

        Raises:
            TollkeeperError: `EVENT_EXPIRED`, `CONCURRENT_CHANGE`, `DEPENDENCY_UNAVAILABLE`: nothing was retracted.
        """
        for _ in range(ATTEMPTS):
            try:
                retracted, changed = await self._retract(keys, reason)
            except ConcurrentWriteError:
                continue
            self._frames.changed(changed)
            return retracted
        raise TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request.")

    async def _retract(self, keys: Sequence[EventKey], reason: str) -> tuple[Retracted, list[Window]]:
        """Takes its locks in the order of ingest: meters, series that are missing, keys, series."""
        in_order = sorted(set(keys))
        async with self._database.write() as connection:
            raw = await raw_of(connection)
            with plain_faults():
                meters = await self._meters.at(await features.hold_meters(raw), raw)
                events = await retractions.find(raw, in_order)
                usage = measure(meters, _batch_of(events))
                await series.ensure(raw, usage)
                noted = await retractions.note(raw, in_order, at=self._clock.now(), reason=reason)
                pending = await retractions.use_up(raw, sorted(noted))
                events = [event for event in events if _key_of(event) in noted]
                taken = await retractions.move(raw, events)
                if taken | pending != noted:
                    await self._explain(raw, noted - pending - taken, keys)
                usage = measure(meters, _batch_of(events))
                limits = await series.lock(raw, usage) if usage else {}
                (revision,) = await series.next_revisions(raw, 1)
                changed = await self._uncount(connection, usage, revision=revision)
                # The least, the mean and the latest may have risen.
                await self._announce(
                    raw, changed, limits, at=lambda window: newest_in(window, usage[window.tracker.series])
                )
        return Retracted(len(taken), len(pending), len(in_order) - len(noted), revision), changed

    async def _explain(self, raw: Raw, missing: set[EventKey], keys: Sequence[EventKey]) -> None:
        """Events that are not there came while we looked, or were let go."""
        if await retractions.find(raw, sorted(missing)):
            raise ConcurrentWriteError
        raise expired([row for row, key in enumerate(keys) if key in missing], keys)

    async def _uncount(self, connection: AsyncConnection, usage: Usage, *, revision: int) -> list[Window]:
        """Takes the events from the windows that counted them, under the locks of their series."""
        raw = await raw_of(connection)
        found = await trackers.of_series(raw, usage) if usage else {}
        horizons = await horizon.of_customers(connection, {one.customer_id for one in found})
        aggregations = self._meters.current.aggregations
        sums: list[tuple[Place, Decimal]] = []
        others: list[Place] = []
        for tracker in (tracker for several in found.values() for tracker in several):
            whole_since = horizons[tracker.series.customer_id]
            for span, values in self._finder.spread(tracker.periods, usage[tracker.series]).items():
                place = Place(tracker, span)
                if aggregations[tracker.series.feature_id] in _ADDED:
                    sums.append((place, EXACT.minus(amount(values))))
                # Of a period whose first events were let go, what is left does not tell the usage: what counted stands.
                elif microseconds(span_start(span)) >= whole_since:
                    others.append(place)
        changed = await windows.add(raw, sums, revision=revision)
        wanted = {place.tracker.series.feature_id for place in others}
        known = {one: feature for one in wanted if (feature := await features.get(connection, one)) is not None}
        recomputed = await backfill.recompute(connection, known, others, revision=revision)
        return changed + [one.window for one in recomputed]


def _key_of(event: Event) -> EventKey:
    return EventKey(event.customer_id, event.idempotency_key)


def _batch_of(events: Sequence[Event]) -> EventBatch:
    return EventBatch(
        customer_ids=[event.customer_id for event in events],
        event_names=[event.event_name for event in events],
        idempotency_keys=[event.idempotency_key for event in events],
        resource_ids=[event.resource_id for event in events],
        times=[microseconds(event.time) for event in events],
        dimensions=[event.dimensions for event in events],
    )
