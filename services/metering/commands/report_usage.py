"""Applies calculated usage: what is reported is written or held, each report on its own."""

from collections.abc import Sequence

from metering.commands.find_feature import FindFeature
from metering.commands.register_trackers import RegisterTrackers
from metering.commands.write_usage import Batch, WriteUsage
from metering.domain.feature import require_calculated
from metering.domain.report import Outcome, Report
from metering.domain.tracker import tracker_not_found
from metering.store.known_trackers import KnownTrackers


class ReportUsage:
    """Writes what may be written; a refusal is an outcome, not an error."""

    def __init__(
        self,
        write: WriteUsage,
        find_feature: FindFeature,
        *,
        known_trackers: KnownTrackers,
        register: RegisterTrackers,
    ) -> None:
        self._write = write
        self._find_feature = find_feature
        self._known_trackers = known_trackers
        self._register = register

    async def __call__(self, reports: Sequence[Report]) -> Sequence[Outcome]:
        """The outcomes in the given order, durable.

        Raises:
            TollkeeperError: `FEATURE_NOT_FOUND`, `FEATURE_NOT_METERED`, `FEATURE_NOT_CALCULATED`, `TRACKER_NOT_FOUND`:
                nothing of the call is written. `OVERLOADED`, `DEPENDENCY_UNAVAILABLE`.
        """
        for feature in (await self._find_feature.all({one.series.feature_id for one in reports})).values():
            require_calculated(feature)
        await self._open_trackers(reports)
        return (await self._write(Batch(reports))).reports

    async def _open_trackers(self, reports: Sequence[Report]) -> None:
        """Before the transaction, which then finds every tracker: they are never taken away."""
        wanted = {(report.content.series, report.periods) for report in reports}
        wanted |= {(one.whole, periods) for one, periods in wanted if one.resource_id}
        known = await self._known_trackers.find(wanted)
        if len(known) == len(wanted):
            return
        missing = sorted(wanted - known.keys(), key=lambda one: one[0])
        for one, periods in missing:
            # An endless one needs no registration, and a resource is counted in the periods of its customer.
            if periods is not None and not one.resource_id:
                raise tracker_not_found(one)
        await self._register(missing)
