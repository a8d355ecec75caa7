"""Billing's neighbours, stood in for."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

from kernel.errors import ErrorKind, TollkeeperError, not_found
from kernel.quantity import format_decimal
from kernel.recurrence import Interval, Recurrence
from kit.proto import period_to_proto, timestamp_from_proto
from kit.rpc import Context
from tollkeeper.catalog.v1 import (
    coupon_pb2,
    coupon_service_pb2,
    coupon_service_pb2_grpc,
    plan_pb2,
    plan_service_pb2,
    plan_service_pb2_grpc,
)
from tollkeeper.metering.v1 import tracker_pb2, tracker_service_pb2, tracker_service_pb2_grpc


class FakeCatalog(plan_service_pb2_grpc.PlanServiceServicer, coupon_service_pb2_grpc.CouponServiceServicer):
    """The catalog, a fake, because publishing a plan is the catalog's own test; it answers the newest version set.

    Attributes:
        archived: Ids of plans that are archived.
        coupons: By id.
    """

    def __init__(self) -> None:
        self.versions: dict[str, plan_pb2.PlanVersion | None] = {}
        self.archived: set[str] = set()
        self.coupons: dict[str, coupon_pb2.Coupon] = {}

    def publish(self, *plans: plan_pb2.PlanVersion) -> None:
        """Makes these the newest versions of their plans."""
        for one in plans:
            self.versions[one.plan_id] = one

    async def GetPlanVersion(
        self, request: plan_service_pb2.GetPlanVersionRequest, _context: Context
    ) -> plan_service_pb2.GetPlanVersionResponse:
        if request.plan_id not in self.versions:
            raise not_found("PLAN_NOT_FOUND", "no such plan")
        found = self.versions[request.plan_id]
        if found is None:
            raise not_found("PLAN_VERSION_NOT_FOUND", "no such version")
        assert request.version == 0
        plan = plan_pb2.Plan(id=request.plan_id, archived=request.plan_id in self.archived)
        return plan_service_pb2.GetPlanVersionResponse(plan_version=found, plan=plan)

    async def GetCoupon(
        self, request: coupon_service_pb2.GetCouponRequest, _context: Context
    ) -> coupon_service_pb2.GetCouponResponse:
        if request.coupon_id not in self.coupons:
            raise not_found("COUPON_NOT_FOUND", "no such coupon")
        return coupon_service_pb2.GetCouponResponse(coupon=self.coupons[request.coupon_id])


class FakeMetering(tracker_service_pb2_grpc.TrackerServiceServicer):
    """Metering, a fake, because billing's invoices need usage that a test sets to the unit.

    Attributes:
        away: Answers nothing but UNAVAILABLE.
        gate: Closed, answers wait, but for the next `passes`; `asked` tells that one waits.
        batches: The number of lookups in each call of BatchGetWindows.
    """

    def __init__(self) -> None:
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.passes = 0
        self.batches: list[int] = []
        self.registered: set[bytes] = set()
        self._usage: dict[tuple[str, str], list[tuple[datetime, Decimal]]] = defaultdict(list)
        self._revision = 0

    def use(self, customer_id: str, feature_id: str, at: datetime, *, quantity: str) -> None:
        """Adds usage at a time."""
        self._revision += 1
        self._usage[customer_id, feature_id].append((at.astimezone(UTC), Decimal(quantity)))

    async def RegisterTrackers(
        self, request: tracker_service_pb2.RegisterTrackersRequest, _context: Context
    ) -> tracker_service_pb2.RegisterTrackersResponse:
        self._check_here()
        self.registered |= {tracker.SerializeToString() for tracker in request.trackers}
        return tracker_service_pb2.RegisterTrackersResponse(trackers=request.trackers)

    async def BatchGetWindows(
        self, request: tracker_service_pb2.BatchGetWindowsRequest, _context: Context
    ) -> tracker_service_pb2.BatchGetWindowsResponse:
        self.batches.append(len(request.lookups))
        if self.passes:
            self.passes -= 1
        else:
            self.asked.set()
            await self.gate.wait()
        self._check_here()
        assert 1 <= len(request.lookups) <= 1_000
        return tracker_service_pb2.BatchGetWindowsResponse(windows=[self._window(one) for one in request.lookups])

    async def BatchMeasureUsage(
        self, request: tracker_service_pb2.BatchMeasureUsageRequest, _context: Context
    ) -> tracker_service_pb2.BatchMeasureUsageResponse:
        self._check_here()
        assert 1 <= len(request.spans) <= 100
        return tracker_service_pb2.BatchMeasureUsageResponse(measured=[self._measured(one) for one in request.spans])

    def _measured(self, span: tracker_service_pb2.UsageSpan) -> tracker_service_pb2.MeasuredUsage:
        start = timestamp_from_proto(span.period.start_time, "")
        end = timestamp_from_proto(span.period.end_time, "")
        usage = self._usage[span.series.customer_id, span.series.feature_id]
        inside = [quantity for at, quantity in usage if start <= at < end]
        value = format_decimal(sum(inside, Decimal(0)))
        return tracker_service_pb2.MeasuredUsage(value=value, revision=self._revision if inside else 0)

    def _check_here(self) -> None:
        if self.away:
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "away")

    def _window(self, lookup: tracker_service_pb2.WindowLookup) -> tracker_pb2.Window:
        tracker = lookup.tracker
        if tracker.SerializeToString() not in self.registered:
            raise not_found("TRACKER_NOT_FOUND", "never registered")
        interval = Interval(tracker_pb2.Interval.Name(tracker.recurrence.interval).removeprefix("INTERVAL_"))
        anchor = timestamp_from_proto(tracker.recurrence.anchor_time, "")
        period = Recurrence(interval, anchor, tracker.recurrence.time_zone).period_at(
            timestamp_from_proto(lookup.time, "")
        )
        assert period is not None
        usage = self._usage[tracker.series.customer_id, tracker.series.feature_id]
        inside = [quantity for at, quantity in usage if period.contains(at)]
        return tracker_pb2.Window(
            series=tracker.series,
            period=period_to_proto(period),
            value=format_decimal(sum(inside, Decimal(0))),
            revision=self._revision if inside else 0,
        )
