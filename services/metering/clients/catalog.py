"""The catalog."""

import grpc

from kit.client import call
from kit.errors import RemoteRefusal
from metering.domain.feature import Feature
from metering.messages.feature import feature_from_proto
from tollkeeper.catalog.v1.feature_service_pb2 import GetFeatureRequest
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceStub


class Catalog:
    """Asks the catalog."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._features = FeatureServiceStub(channel)

    async def get_feature(self, feature_id: str) -> Feature | None:
        """The feature, or None where the catalog has none of that id.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        try:
            response = await call(self._features.GetFeature, GetFeatureRequest(feature_id=feature_id), retry=True)
        except RemoteRefusal as refusal:
            if refusal.reason == "FEATURE_NOT_FOUND":
                return None
            raise
        return feature_from_proto(response.feature)
