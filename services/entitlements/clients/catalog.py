"""The catalog: features and published plan versions."""

import grpc

from entitlements.clients.refusals import answered
from entitlements.domain.feature import Feature
from entitlements.domain.plan import Carried
from entitlements.messages.feature import feature_from_proto
from entitlements.messages.plan import carried_from_proto
from tollkeeper.catalog.v1 import feature_service_pb2, plan_pb2, plan_service_pb2
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub


class CatalogClient:
    """Asks the catalog.

    Every method raises `TollkeeperError` `DEPENDENCY_UNAVAILABLE` where it cannot be reached.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._features = FeatureServiceStub(channel)
        self._plans = PlanServiceStub(channel)

    async def get_feature(self, feature_id: str) -> Feature | None:
        """The feature, or None where there is none."""
        request = feature_service_pb2.GetFeatureRequest(feature_id=feature_id)
        response = await answered(self._features.GetFeature, request, missing={"FEATURE_NOT_FOUND"})
        return None if response is None else feature_from_proto(response.feature)

    async def get_plan(self, plan_id: str) -> Carried | None:
        """Which version of the plan is carried now; None where there is no such plan."""
        request = plan_service_pb2.GetPlanRequest(plan_id=plan_id)
        response = await answered(self._plans.GetPlan, request, missing={"PLAN_NOT_FOUND"})
        return None if response is None else carried_from_proto(response.plan)

    async def get_plan_version(self, plan_id: str, version: int) -> tuple[plan_pb2.PlanVersion, Carried] | None:
        """The published version as the catalog tells it, to be kept, and which version is carried now; None where there is none."""
        request = plan_service_pb2.GetPlanVersionRequest(plan_id=plan_id, version=version)
        missing = {"PLAN_NOT_FOUND", "PLAN_VERSION_NOT_FOUND"}
        response = await answered(self._plans.GetPlanVersion, request, missing=missing)
        return None if response is None else (response.plan_version, carried_from_proto(response.plan))
