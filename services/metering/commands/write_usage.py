"""The transactions of calculated usage: many callers' reports and settlements in one, each decided on its own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kernel.errors import ErrorKind, TollkeeperError
from metering.commands.announce_crossings import AnnounceCrossings
from metering.commands.gatherer import Gatherer
from metering.commands.publish_frames import PublishFrames
from metering.domain.account import Account
from metering.domain.ledger import Ledger
from metering.domain.report import Outcome, Report
from metering.domain.reservation import Reservation, Settlement, SettlementOutcome
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.threshold import newest
from metering.domain.tracker import Place, PlaceKey, Window
from metering.store import accounts, measurements, reservations
from metering.store.known_trackers import SeriesTrackers
from metering.store.line import ConcurrentWriteError, Line, Raw

# Reports in one transaction: larger ones only keep callers waiting.
MOST_TOGETHER = 2_000
# Reports that wait: some seconds' worth; beyond, callers do better to back off.
MOST_WAITING = 20_000
# How often a transaction is tried that others got in the way of.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Batch:
    """What one caller wants done.

    Attributes:
        reports: Their trackers must be registered.
        settlements: Of reservations that exist, with the series of each.
        due: Series of customers as a whole, some of whose reservations may have lapsed.
    """

    reports: Sequence[Report] = ()
    settlements: Sequence[tuple[Settlement, Series]] = ()
    due: Sequence[Series] = ()

    @property
    def weight(self) -> int:
        """How much work it is, in reports."""
        return len(self.reports) + len(self.settlements) + len(self.due)

    @property
    def series(self) -> set[Series]:
        """What it concerns."""
        named = {report.content.series for report in self.reports}
        named.update(one for _, one in self.settlements)
        return named | {one.whole for one in named if one.resource_id} | set(self.due)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of it, in the given order."""

    reports: Sequence[Outcome]
    settlements: Sequence[SettlementOutcome]


@dataclass(frozen=True, slots=True)
class _Lapsed:
    """Reservations of a customer's feature that have lapsed, and when the next of the others does."""

    whole: Series
    reservations: Collection[Reservation]
    then: datetime | None


class WriteUsage:
    """Writes what may be written; whatever has lapsed ends before anything is decided."""

    def __init__(self, line: Line, frames: PublishFrames, *, announce: AnnounceCrossings) -> None:
        self._line = line
        self._frames = frames
        self._announce = announce
        self._finder = SpanFinder()
        self._trackers = SeriesTrackers()
        self.gatherer = Gatherer[Batch, Outcomes](self._run, most_together=MOST_TOGETHER, most_waiting=MOST_WAITING)

    async def __call__(self, batch: Batch) -> Outcomes:
        """What became of the batch, durable.

        Raises:
            TollkeeperError: `OVERLOADED`, `DEPENDENCY_UNAVAILABLE`, `CONCURRENT_CHANGE`.
        """
        return await self.gatherer.submit(batch, weight=batch.weight)

    async def _run(self, batches: Sequence[Batch]) -> Sequence[Outcomes | TollkeeperError]:
        for _ in range(ATTEMPTS):
            try:
                return await self._write(batches)
            except ConcurrentWriteError:
                continue
        raise TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request.")

    async def _write(self, batches: Sequence[Batch]) -> Sequence[Outcomes]:
        async with self._line.pipelined() as connection:
            ledger = await self._ledger(connection, batches)
            outcomes = [
                Outcomes(
                    [ledger.report(report) for report in batch.reports],
                    [ledger.settle(settlement) for settlement, _ in batch.settlements],
                )
                for batch in batches
            ]
            changed = ledger.changed
            await self._store(connection, ledger, changed)
        self._frames.changed(changed)
        return outcomes

    async def _store(self, connection: Raw, ledger: Ledger, changed: Sequence[Window]) -> None:
        await accounts.put(connection, ledger.touched)
        await accounts.put_windows(connection, changed)
        await measurements.add(connection, ledger.measurements)
        await reservations.add(connection, ledger.made)
        await reservations.end(connection, list(ledger.ended.values()))
        await self._announce(
            connection, changed, ledger.limits_versions, at=lambda window: newest(ledger.times(), window)
        )

    async def _ledger(self, connection: Raw, batches: Sequence[Batch]) -> Ledger:
        """Locks the series and reads how things stand."""
        named = set[Series]().union(*(batch.series for batch in batches))
        reports = [report for batch in batches for report in batch.reports]
        settlements = [settlement for batch in batches for settlement, _ in batch.settlements]
        # All of these are sent before the first is read. In each series something may have lapsed, which takes one revision.
        locking = await accounts.lock(connection, named)
        using = await measurements.look_up(connection, {_key(report) for report in reports})
        taking = await accounts.take_revisions(connection, len(reports) + len(settlements) + len(named))
        locked, now = await accounts.locked(locking)
        lapsed = await self._lapsed(connection, locked, now)
        known = await self._known(connection, settlements)
        beside = {one.series for each in lapsed for one in each.reservations} - locked.keys()
        # Resources whose reservations lapsed: whoever changes what is reserved of them holds their customer's lock.
        trackers = await self._trackers.of(connection, locked)
        ledger = Ledger(
            {**trackers, **await self._trackers.read(connection, beside)} if beside else trackers,
            accounts=locked,
            used=await measurements.of_keys(using),
            revisions=await accounts.revisions(taking),
            finder=self._finder,
            now=now,
        )
        ledger.know(known)
        held = [one for each in lapsed for one in each.reservations] + [one for one, _ in known]
        await self._load(connection, ledger, reports, held=held)
        for each in lapsed:
            ledger.lapse(each.whole, each.reservations, then=each.then)
        return ledger

    async def _lapsed(self, connection: Raw, locked: Mapping[Series, Account], now: datetime) -> Sequence[_Lapsed]:
        return [
            _Lapsed(whole, *await reservations.lapsed(connection, whole, now))
            for whole, account in locked.items()
            if account.next_lapse is not None and account.next_lapse <= now
        ]

    async def _known(
        self, connection: Raw, settlements: Sequence[Settlement]
    ) -> Sequence[tuple[Reservation, PlaceKey]]:
        keys = {(settlement.customer_id, settlement.reservation_id) for settlement in settlements}
        return await reservations.of_ids(connection, keys) if keys else []

    async def _load(
        self, connection: Raw, ledger: Ledger, reports: Sequence[Report], *, held: Sequence[Reservation]
    ) -> None:
        wanted = {(report.content.series, report.time) for report in reports}
        wanted.update((one.series, one.time) for one in held)
        places: dict[PlaceKey, Place] = {place.key: place for one, time in wanted for place in ledger.places(one, time)}
        ledger.load(places.values(), await accounts.read_windows(connection, list(places.values())))


def _key(report: Report) -> tuple[str, str]:
    return report.content.series.customer_id, report.idempotency_key
