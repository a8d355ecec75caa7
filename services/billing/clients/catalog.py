"""The catalog: which version of a plan is the newest."""

import grpc

from billing.domain.plan_terms import PlanDocument
from billing.messages.plan_terms import plan_document
from kernel.errors import not_found, precondition
from kit.client import call
from kit.errors import RemoteRefusal
from tollkeeper.catalog.v1 import plan_service_pb2 as pb
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub


class Catalog:
    """Asks ``PlanService``."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._plans = PlanServiceStub(channel)

    async def newest_version(self, plan_id: str) -> PlanDocument:
        """The plan's newest published version.

        Raises:
            TollkeeperError: `PLAN_NOT_FOUND`; `PLAN_NOT_PUBLISHED`; `DEPENDENCY_UNAVAILABLE`.
        """
        try:
            response = await call(self._plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id=plan_id), retry=True)
        except RemoteRefusal as refusal:
            match refusal.reason:
                case "PLAN_NOT_FOUND":
                    raise not_found("PLAN_NOT_FOUND", f"No plan has the id {plan_id}.", plan_id=plan_id) from None
                case "PLAN_VERSION_NOT_FOUND":
                    message = f"The plan {plan_id} has no published version. Publish it first."
                    raise precondition("PLAN_NOT_PUBLISHED", message, plan_id=plan_id) from None
            raise
        return plan_document(response.plan_version)
