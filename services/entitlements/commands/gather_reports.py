"""Reports, and settlements, that wait travel to metering together, and commit together."""

from entitlements.clients.metering import MeteringClient
from entitlements.clients.refusals import unwell
from entitlements.commands.gather import Gather
from entitlements.domain.request import Outcome, ResolvedReport, Settlement, SettlementOutcome
from entitlements.domain.usage import Tracker
from kit.errors import RemoteRefusal

_UNWELL = frozenset({"INTERNAL", "UNKNOWN", "ABORTED"})


class GatherReports(Gather[ResolvedReport, Outcome]):
    """Reports to metering."""

    def __init__(self, metering: MeteringClient) -> None:
        self._metering = metering
        super().__init__(metering.report, self._report_again)

    async def _report_again(self, report: ResolvedReport, refusal: RemoteRefusal) -> Outcome:
        if refusal.reason != "TRACKER_NOT_FOUND":
            raise _fault(refusal)
        # It was registered when the subscription was stored; metering was set back since.
        series = report.report
        await self._metering.register([Tracker(series.customer_id, series.feature_id, report.recurrence)])
        (outcome,) = await self._metering.report([report])
        return outcome


class GatherSettlements(Gather[Settlement, SettlementOutcome]):
    """Settles with metering."""

    def __init__(self, metering: MeteringClient) -> None:
        super().__init__(metering.settle, _refused)


async def _refused(_settlement: Settlement, refusal: RemoteRefusal) -> SettlementOutcome:
    raise _fault(refusal)


def _fault(refusal: RemoteRefusal) -> Exception:
    return unwell() if refusal.code.name in _UNWELL else refusal
