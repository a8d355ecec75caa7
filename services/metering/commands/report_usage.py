"""Applies calculated usage: many callers' reports in one transaction, each decided on its own."""

from collections.abc import Sequence

from kernel.errors import ErrorKind, TollkeeperError
from metering.commands.find_feature import FindFeature
from metering.commands.gatherer import Gatherer
from metering.commands.publish_frames import PublishFrames
from metering.commands.register_trackers import RegisterTrackers
from metering.domain.feature import require_calculated
from metering.domain.ledger import Ledger
from metering.domain.report import Outcome, Report
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import tracker_not_found
from metering.store import measurements, series, trackers, windows
from metering.store.known_trackers import KnownTrackers
from metering.store.line import ConcurrentWriteError, Line, Raw

# Reports in one transaction: larger ones only keep callers waiting.
MOST_TOGETHER = 2_000
# Reports that wait: some seconds' worth; beyond, callers do better to back off.
MOST_WAITING = 20_000
# How often a transaction is tried that others got in the way of.
ATTEMPTS = 5

Reports = Sequence[Report]
Outcomes = Sequence[Outcome]


class ReportUsage:
    """Writes what may be written; a refusal is an outcome, not an error."""

    def __init__(
        self,
        line: Line,
        find_feature: FindFeature,
        *,
        known_trackers: KnownTrackers,
        register: RegisterTrackers,
        frames: PublishFrames,
    ) -> None:
        self._line = line
        self._find_feature = find_feature
        self._known_trackers = known_trackers
        self._register = register
        self._frames = frames
        self._finder = SpanFinder()
        self.gatherer = Gatherer[Reports, Outcomes](self._run, most_together=MOST_TOGETHER, most_waiting=MOST_WAITING)

    async def __call__(self, reports: Reports) -> Outcomes:
        """The outcomes in the given order, durable.

        Raises:
            TollkeeperError: `FEATURE_NOT_FOUND`, `FEATURE_NOT_METERED`, `FEATURE_NOT_CALCULATED`, `TRACKER_NOT_FOUND`:
                nothing of the call is written. `OVERLOADED`, `DEPENDENCY_UNAVAILABLE`.
        """
        for feature in (await self._find_feature.all(one.series.feature_id for one in reports)).values():
            require_calculated(feature)
        await self._open_trackers(reports)
        return await self.gatherer.submit(reports, weight=len(reports))

    async def _open_trackers(self, reports: Reports) -> None:
        """Before the transaction, which then finds every tracker: they are never taken away."""
        wanted = {(one, report.periods) for report in reports for one in (report.series.whole, report.series)}
        known = await self._known_trackers.find(wanted)
        missing = sorted(wanted - known.keys(), key=lambda one: one[0])
        for one, periods in missing:
            # An endless one needs no registration, and a resource is counted in the periods of its customer.
            if periods is not None and not one.resource_id:
                raise tracker_not_found(one)
        if missing:
            await self._register(missing)

    async def _run(self, calls: Sequence[Reports]) -> Sequence[Outcomes | TollkeeperError]:
        for _ in range(ATTEMPTS):
            try:
                return await self._write(calls)
            except ConcurrentWriteError:
                continue
        raise TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request.")

    async def _write(self, calls: Sequence[Reports]) -> Sequence[Outcomes]:
        reports = [report for call in calls for report in call]
        async with self._line.transaction() as connection:
            ledger = await self._ledger(connection, reports)
            outcomes = [[ledger.settle(report) for report in call] for call in calls]
            changed = ledger.changed
            if ledger.limits:
                await series.remember_limits(connection, ledger.limits)
            if ledger.measurements:
                await windows.put(connection, changed)
                await measurements.add(connection, ledger.measurements)
        self._frames.changed(changed)
        return outcomes

    async def _ledger(self, connection: Raw, reports: Reports) -> Ledger:
        """Locks the series of the reports and reads how things stand."""
        named = {one for report in reports for one in (report.series, report.series.whole)}
        limits = await series.lock(connection, named)
        keys = {(report.series.customer_id, report.idempotency_key) for report in reports}
        ledger = Ledger(
            await trackers.of_series(connection, named),
            limit_revisions=limits,
            used=await measurements.of_keys(connection, keys),
            revisions=await series.next_revisions(connection, len(reports)),
            finder=self._finder,
        )
        places = ledger.places(reports)
        ledger.load(places, await windows.read(connection, places))
        return ledger
