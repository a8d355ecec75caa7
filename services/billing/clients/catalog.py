"""The catalog: which version of a plan is the newest, and what coupons take off."""

from collections.abc import Sequence

import grpc

from billing.domain.coupon import Coupon
from billing.domain.plan_terms import PlanDocument
from billing.messages.coupon import coupon_from_proto
from billing.messages.plan_terms import plan_document
from kernel.errors import not_found, precondition
from kit.client import call
from kit.errors import RemoteRefusal
from tollkeeper.catalog.v1 import coupon_service_pb2
from tollkeeper.catalog.v1 import plan_service_pb2 as pb
from tollkeeper.catalog.v1.coupon_service_pb2_grpc import CouponServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub


class Catalog:
    """Asks ``PlanService`` and ``CouponService``."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._plans = PlanServiceStub(channel)
        self._coupons = CouponServiceStub(channel)

    async def newest_version(self, plan_id: str, *, archived: bool = False) -> PlanDocument:
        """The plan's newest published version; with `archived` that of an archived plan, too.

        Raises:
            TollkeeperError: `PLAN_NOT_FOUND`; `PLAN_NOT_PUBLISHED`; `PLAN_ARCHIVED`; `DEPENDENCY_UNAVAILABLE`.
        """
        try:
            response = await call(self._plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id=plan_id), retry=True)
        except RemoteRefusal as refusal:
            match refusal.reason:
                case "PLAN_NOT_FOUND":
                    raise not_found("PLAN_NOT_FOUND", f"No plan has the id {plan_id}.", plan_id=plan_id).at(
                        "plan_id"
                    ) from None
                case "PLAN_VERSION_NOT_FOUND":
                    message = f"The plan {plan_id} has no published version. Publish it first."
                    raise precondition("PLAN_NOT_PUBLISHED", message, plan_id=plan_id).at("plan_id") from None
            raise
        if response.plan.archived and not archived:
            message = f"The plan {plan_id} is archived: nobody may subscribe to it any more."
            raise precondition("PLAN_ARCHIVED", message, plan_id=plan_id).at("plan_id")
        return plan_document(response.plan_version)

    async def coupons(self, coupon_ids: Sequence[str], path: str) -> tuple[Coupon, ...]:
        """Coupons that may be applied; `path` is the caller's field that names them.

        Raises:
            TollkeeperError: `COUPON_NOT_FOUND`; `COUPON_NOT_APPLICABLE` for an archived one; `DEPENDENCY_UNAVAILABLE`.
        """
        return tuple([await self._coupon(coupon_id, f"{path}[{i}]") for i, coupon_id in enumerate(coupon_ids)])

    async def _coupon(self, coupon_id: str, path: str) -> Coupon:
        request = coupon_service_pb2.GetCouponRequest(coupon_id=coupon_id)
        try:
            response = await call(self._coupons.GetCoupon, request, retry=True)
        except RemoteRefusal as refusal:
            if refusal.reason == "COUPON_NOT_FOUND":
                message = f"No coupon has the id {coupon_id}."
                raise not_found("COUPON_NOT_FOUND", message, coupon_id=coupon_id).at(path) from None
            raise
        if response.coupon.archived:
            message = f"The coupon {coupon_id} is archived: it can no longer be applied."
            raise precondition("COUPON_NOT_APPLICABLE", message, coupon_id=coupon_id).at(path)
        return coupon_from_proto(response.coupon)
