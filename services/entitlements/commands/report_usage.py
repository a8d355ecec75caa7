"""Reports calculated usage, or reserves it: resolved here, decided and written by metering, and in memory before the reply."""

from typing import Final

from entitlements.commands.find_feature import FindFeature
from entitlements.commands.fresh_entry import FreshEntry
from entitlements.commands.gather_reports import GatherReports
from entitlements.commands.load_customer import LoadCustomer
from entitlements.commands.see_write import see_write
from entitlements.commands.shadow_counts import ShadowCounts
from entitlements.domain.answering import answer, is_written
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature, FeatureType, UsageSource
from entitlements.domain.memory import Memory
from entitlements.domain.reporting import has_room_elsewhere, may_be_repeated, plan_report
from entitlements.domain.request import Answer, Enforcement, Freshness, Report, Verdict
from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError, not_found, precondition

# How often a report is asked anew after metering was shown a newer entitlement than ours, each time from the owner.
MAX_STALE: Final = 3

_CURRENT: Final = Freshness(current=True)


class ReportUsage:
    """Reports calculated usage; a reservation is a report that is held instead of written."""

    def __init__(
        self,
        memory: Memory,
        fresh: FreshEntry,
        *,
        load: LoadCustomer,
        find_feature: FindFeature,
        gather: GatherReports,
        shadow: ShadowCounts,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._fresh = fresh
        self._load = load
        self._find_feature = find_feature
        self._gather = gather
        self._shadow = shadow
        self._clock = clock

    async def __call__(self, report: Report) -> Answer:
        """What became of the report.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`, `FEATURE_NOT_FOUND`, `FEATURE_NOT_METERED`, `FEATURE_NOT_CALCULATED`,
                `USAGE_BELOW_ZERO`, `IDEMPOTENCY_KEY_REUSED`, `TOO_MANY_RESERVATIONS`: nothing was written. `DEPENDENCY_UNAVAILABLE`,
                `DEADLINE_EXCEEDED`: it may have been; repeat it with the same key.
        """
        entry = await self._known_customer(report)
        feature = await self._calculated_feature(report.feature_id)
        stale = 0
        passed: frozenset[str] = frozenset()
        while True:
            asked = self._clock.now()
            plan = plan_report(report, entry, feature, now=entry.now(asked), passed=passed)
            if plan.refusal is not None and not may_be_repeated(report):
                plan.refusal.as_of = self._memory.as_of(entry, None)
                return Answer(False, plan.refusal, None, covered=False, time=plan.resolved.time)
            outcome = await self._gather(plan.resolved)
            self._memory.apply([outcome.window])
            if self._memory.peek(entry.customer_id) is not entry:
                entry.apply(outcome.window)
            if outcome.verdict is Verdict.STALE_LIMIT:
                stale += 1
                if stale > MAX_STALE:
                    raise _changing()
                # Whoever has shown metering the newer one has stored it, most likely.
                entry = await self._load.again(report.customer_id, owner=stale > 1)
                continue
            if outcome.verdict is Verdict.LIMIT_EXCEEDED and plan.standing is not None:
                passed |= {plan.standing.source.key}
                if has_room_elsewhere(report, entry, now=entry.now(self._clock.now()), passed=passed):
                    continue
            if is_written(outcome):
                await see_write(entry, outcome.window, load=self._load, clock=self._clock)
            as_of = self._memory.as_of(entry, None)
            answered = answer(
                report, entry, feature, plan=plan, outcome=outcome, as_of=None if as_of is None else min(as_of, asked)
            )
            if answered.decision.shadowed and report.enforcement is not Enforcement.RECORD and answered.amount > 0:
                self._shadow.note(answered.decision)
            return answered

    async def _known_customer(self, report: Report) -> Entry:
        customer_id = report.customer_id
        entry = await self._fresh(customer_id, report.freshness, feature_id=report.feature_id)
        if entry.customer is None:
            # An error is worth a question: the customer may have been born since.
            entry = await self._fresh(customer_id, _CURRENT, feature_id=report.feature_id)
        if entry.customer is None:
            message = f"No customer has the id {customer_id}. Create it in billing first."
            raise not_found("CUSTOMER_NOT_FOUND", message, customer_id=customer_id)
        return entry

    async def _calculated_feature(self, feature_id: str) -> Feature:
        feature = await self._find_feature.surely(feature_id)
        if feature is None:
            message = f"No feature has the id {feature_id}. Create it in the catalog first."
            raise not_found("FEATURE_NOT_FOUND", message, feature_id=feature_id)
        if feature.type is not FeatureType.METERED:
            message = f"The feature {feature_id} is not metered: it has no usage to report."
            raise precondition("FEATURE_NOT_METERED", message, feature_id=feature_id)
        if feature.usage_source is not UsageSource.CALCULATED:
            message = f"The usage of the feature {feature_id} comes from raw events. Send events to metering instead."
            raise precondition("FEATURE_NOT_CALCULATED", message, feature_id=feature_id)
        return feature


def _changing() -> TollkeeperError:
    message = "The customer's entitlements change faster than the report can be decided. Repeat it with the same key."
    return TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", message)
