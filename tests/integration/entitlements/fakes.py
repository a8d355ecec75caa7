"""Stand-ins for the three neighbours: small, and true to the promises that entitlements relies on.

Fakes, because these tests hold back events, take neighbours away and count the questions they are asked, which the real
ones do not let themselves be told. Against the real ones entitlements is tested in `test_real_neighbours.py` and tests/e2e.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from kernel.errors import ErrorKind, TollkeeperError, not_found
from kernel.quantity import format_decimal
from kernel.recurrence import Interval, Recurrence
from kit.proto import timestamp_from_proto, timestamp_to_proto
from kit.rpc import Context
from tollkeeper.billing.v1 import (
    customer_pb2,
    customer_service_pb2,
    subscription_pb2,
    subscription_service_pb2,
    test_clock_pb2,
    test_clock_service_pb2,
)
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceServicer
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceServicer
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceServicer
from tollkeeper.catalog.v1 import feature_pb2, feature_service_pb2, plan_pb2, plan_service_pb2
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceServicer
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceServicer
from tollkeeper.common.v1 import update_behavior_pb2
from tollkeeper.metering.v1 import tracker_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as tracker_service
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceServicer


@dataclass
class Gate:
    """Counts calls by method, and lets a test take a neighbour away or hold its answers back; `held` tells which waits."""

    calls: Counter[str] = field(default_factory=Counter)
    away: bool = False
    hold: asyncio.Event | None = None
    held: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def holds(self, method: str) -> None:
        """Returns when a call of the method is being held back; others may be too."""
        while await self.held.get() != method:
            pass

    async def passes(self, method: str) -> None:
        """Notes a call; raises where the neighbour is away."""
        self.calls[method] += 1
        if self.hold is not None:
            self.held.put_nowait(method)
            await self.hold.wait()
        if self.away:
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "It is away.")


class FakeCatalog(FeatureServiceServicer, PlanServiceServicer):
    """A fake, because features, plans and their versions are all that entitlements asks for."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.features: dict[str, feature_pb2.Feature] = {}
        self.versions: dict[tuple[str, int], plan_pb2.PlanVersion] = {}
        self.plans: dict[str, plan_pb2.Plan] = {}

    async def GetFeature(
        self, request: feature_service_pb2.GetFeatureRequest, _context: Context
    ) -> feature_service_pb2.GetFeatureResponse:
        await self.gate.passes("GetFeature")
        if request.feature_id not in self.features:
            raise not_found("FEATURE_NOT_FOUND", "No such feature.")
        return feature_service_pb2.GetFeatureResponse(feature=self.features[request.feature_id])

    async def GetPlanVersion(
        self, request: plan_service_pb2.GetPlanVersionRequest, _context: Context
    ) -> plan_service_pb2.GetPlanVersionResponse:
        await self.gate.passes("GetPlanVersion")
        key = (request.plan_id, request.version)
        if key not in self.versions:
            raise not_found("PLAN_VERSION_NOT_FOUND", "No such version.")
        plan = self.plans[request.plan_id]
        return plan_service_pb2.GetPlanVersionResponse(plan_version=self.versions[key], plan=plan)

    async def GetPlan(
        self, request: plan_service_pb2.GetPlanRequest, _context: Context
    ) -> plan_service_pb2.GetPlanResponse:
        await self.gate.passes("GetPlan")
        if request.plan_id not in self.plans:
            raise not_found("PLAN_NOT_FOUND", "No such plan.")
        return plan_service_pb2.GetPlanResponse(plan=self.plans[request.plan_id])


class FakeBilling(CustomerServiceServicer, SubscriptionServiceServicer, TestClockServiceServicer):
    """A fake, because it must know what it has not announced yet."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.customers: dict[str, customer_pb2.Customer] = {}
        self.subscriptions: dict[str, subscription_pb2.Subscription] = {}
        self.clocks: dict[str, test_clock_pb2.TestClock] = {}

    async def GetCustomer(
        self, request: customer_service_pb2.GetCustomerRequest, _context: Context
    ) -> customer_service_pb2.GetCustomerResponse:
        await self.gate.passes("GetCustomer")
        if request.customer_id not in self.customers:
            raise not_found("CUSTOMER_NOT_FOUND", "No such customer.")
        return customer_service_pb2.GetCustomerResponse(customer=self.customers[request.customer_id])

    async def GetSubscription(
        self, request: subscription_service_pb2.GetSubscriptionRequest, _context: Context
    ) -> subscription_service_pb2.GetSubscriptionResponse:
        await self.gate.passes("GetSubscription")
        if request.subscription_id not in self.subscriptions:
            raise not_found("SUBSCRIPTION_NOT_FOUND", "No such subscription.")
        found = self.subscriptions[request.subscription_id]
        return subscription_service_pb2.GetSubscriptionResponse(subscription=found)

    async def ListSubscriptions(
        self, request: subscription_service_pb2.ListSubscriptionsRequest, _context: Context
    ) -> subscription_service_pb2.ListSubscriptionsResponse:
        await self.gate.passes("ListSubscriptions")
        mine = [found for found in self.subscriptions.values() if found.customer_id == request.customer_id]
        after = [found for found in sorted(mine, key=lambda each: each.id) if found.id > request.page_token]
        # Pages of two, whatever was asked for: a reader must follow the tokens.
        token = after[1].id if len(after) > 2 else ""
        return subscription_service_pb2.ListSubscriptionsResponse(subscriptions=after[:2], next_page_token=token)

    async def GetTestClock(
        self, request: test_clock_service_pb2.GetTestClockRequest, _context: Context
    ) -> test_clock_service_pb2.GetTestClockResponse:
        await self.gate.passes("GetTestClock")
        if request.test_clock_id not in self.clocks:
            raise not_found("TEST_CLOCK_NOT_FOUND", "No such clock.")
        return test_clock_service_pb2.GetTestClockResponse(test_clock=self.clocks[request.test_clock_id])


@dataclass(slots=True)
class _Written:
    content: tuple[str, str, Decimal, int]
    window: tracker_pb2.Window


class FakeMetering(TrackerServiceServicer):
    """A fake, because its frames must be lost, reordered and silenced at will. Usage is a list of changes with their times;
    the window of a period is their sum.
    """

    def __init__(self) -> None:
        self.gate = Gate()
        self.revision = 0
        self.trackers: set[tuple[str, str, bytes]] = set()
        self.changes: dict[tuple[str, str], list[tuple[datetime, Decimal, int]]] = defaultdict(list)
        self.keys: dict[tuple[str, str], _Written] = {}
        self.newest_entitlement: dict[tuple[str, str], int] = defaultdict(int)
        self.limits: dict[tuple[str, str, bytes], tracker_service.TrackerLimits] = {}
        self.batches: list[int] = []
        self.refuse_next: list[str] = []

    def add(self, customer_id: str, feature_id: str, value: str, *, at: datetime) -> int:
        """Usage that arrives some other way than through entitlements; its revision."""
        self.revision += 1
        self.changes[customer_id, feature_id].append((at, Decimal(value), self.revision))
        return self.revision

    def window(
        self, series: tracker_pb2.Series, recurrence: tracker_pb2.Recurrence, at: datetime
    ) -> tracker_pb2.Window:
        """The window that holds the instant."""
        window = tracker_pb2.Window(tracker_id=1, value="0")
        window.series.CopyFrom(tracker_pb2.Series(customer_id=series.customer_id, feature_id=series.feature_id))
        changes = self.changes[series.customer_id, series.feature_id]
        if recurrence.interval:
            name = tracker_pb2.Interval.Name(recurrence.interval).removeprefix("INTERVAL_")
            anchor = timestamp_from_proto(recurrence.anchor_time, "anchor_time")
            period = Recurrence(Interval(name), anchor, recurrence.time_zone).period_at(at)
            assert period is not None, "asked for a window before the anchor"
            window.period.start_time.CopyFrom(timestamp_to_proto(period.start))
            window.period.end_time.CopyFrom(timestamp_to_proto(period.end))
            changes = [change for change in changes if period.contains(change[0])]
        window.value = format_decimal(sum((value for _, value, _ in changes), Decimal(0)))
        window.revision = max((revision for _, _, revision in changes), default=0)
        return window

    async def RegisterTrackers(
        self, request: tracker_service.RegisterTrackersRequest, _context: Context
    ) -> tracker_service.RegisterTrackersResponse:
        await self.gate.passes("RegisterTrackers")
        for tracker in request.trackers:
            self.trackers.add(_key(tracker.series, tracker.recurrence))
        return tracker_service.RegisterTrackersResponse(trackers=request.trackers)

    async def SetLimits(
        self, request: tracker_service.SetLimitsRequest, _context: Context
    ) -> tracker_service.SetLimitsResponse:
        await self.gate.passes("SetLimits")
        for said in request.trackers:
            if _key(said.tracker.series, said.tracker.recurrence) not in self.trackers:
                raise not_found("TRACKER_NOT_FOUND", "No such tracker.")
        for said in request.trackers:
            key = _key(said.tracker.series, said.tracker.recurrence)
            if key not in self.limits or self.limits[key].entitlement_revision < said.entitlement_revision:
                self.limits[key] = said
        return tracker_service.SetLimitsResponse()

    async def BatchGetWindows(
        self, request: tracker_service.BatchGetWindowsRequest, _context: Context
    ) -> tracker_service.BatchGetWindowsResponse:
        # What is read is what was acknowledged before the call, even if the answer is held back.
        for lookup in request.lookups:
            if _key(lookup.tracker.series, lookup.tracker.recurrence) not in self.trackers:
                raise not_found("TRACKER_NOT_FOUND", "No such tracker.")
        windows = [
            self.window(lookup.tracker.series, lookup.tracker.recurrence, timestamp_from_proto(lookup.time, "time"))
            for lookup in request.lookups
        ]
        await self.gate.passes("BatchGetWindows")
        return tracker_service.BatchGetWindowsResponse(windows=windows)

    async def BatchReportUsage(
        self, request: tracker_service.BatchReportUsageRequest, _context: Context
    ) -> tracker_service.BatchReportUsageResponse:
        await self.gate.passes("BatchReportUsage")
        self.batches.append(len(request.reports))
        for report in request.reports:
            if report.recurrence.interval and _key(report.series, report.recurrence) not in self.trackers:
                raise not_found("TRACKER_NOT_FOUND", "No such tracker.")
            if report.series.feature_id in self.refuse_next:
                self.refuse_next.remove(report.series.feature_id)
                raise TollkeeperError(ErrorKind.FAILED_PRECONDITION, "SOMETHING", "One of them is refused.")
        outcomes = [self._outcome(report) for report in request.reports]
        return tracker_service.BatchReportUsageResponse(outcomes=outcomes)

    def _outcome(self, report: tracker_service.UsageReport) -> tracker_service.UsageReportOutcome:
        series = (report.series.customer_id, report.series.feature_id)
        key = (report.series.customer_id, report.idempotency_key)
        content = (report.series.feature_id, report.series.resource_id, Decimal(report.value), report.update_behavior)
        at = timestamp_from_proto(report.time, "time")
        before = self.window(report.series, report.recurrence, at)
        outcome = tracker_service.UsageReportOutcome(window=before, previous_value=before.value)
        if key in self.keys:
            same = self.keys[key].content == content
            outcome.window.CopyFrom(self.keys[key].window)
            outcome.verdict = (
                tracker_service.REPORT_VERDICT_REPEATED if same else tracker_service.REPORT_VERDICT_KEY_REUSED
            )
            return outcome
        is_set = report.update_behavior == update_behavior_pb2.UPDATE_BEHAVIOR_SET
        change = Decimal(report.value) - (Decimal(before.value) if is_set else 0)
        after = Decimal(before.value) + change
        if report.HasField("ceiling"):
            if report.ceiling.entitlement_revision < self.newest_entitlement[series]:
                outcome.verdict = tracker_service.REPORT_VERDICT_STALE_LIMIT
                return outcome
            self.newest_entitlement[series] = report.ceiling.entitlement_revision
            if change > 0 and after > Decimal(report.ceiling.limit):
                outcome.verdict = tracker_service.REPORT_VERDICT_LIMIT_EXCEEDED
                return outcome
        if after < 0:
            outcome.verdict = tracker_service.REPORT_VERDICT_BELOW_ZERO
            return outcome
        self.add(*series, str(change), at=at)
        outcome.written_value = format_decimal(change)
        outcome.window.CopyFrom(self.window(report.series, report.recurrence, at))
        outcome.verdict = tracker_service.REPORT_VERDICT_WRITTEN
        self.keys[key] = _Written(content, outcome.window)
        return outcome


def _key(series: tracker_pb2.Series, recurrence: tracker_pb2.Recurrence) -> tuple[str, str, bytes]:
    return series.customer_id, series.feature_id, recurrence.SerializeToString(deterministic=True)
