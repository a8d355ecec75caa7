"""``FeatureService``."""

from catalog import queries
from catalog.commands.create_feature import CreateFeature
from catalog.commands.update_feature import UpdateFeature
from catalog.messages.feature import feature_spec_from_proto, feature_to_proto
from kit.db import Database
from kit.paging import page_of, page_of_messages
from kit.rpc import Context
from tollkeeper.catalog.v1 import feature_service_pb2 as pb
from tollkeeper.catalog.v1 import feature_service_pb2_grpc as grpc_api


class FeatureServicer(grpc_api.FeatureServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, *, create: CreateFeature, update: UpdateFeature) -> None:
        self._database = database
        self._create = create
        self._update = update

    async def CreateFeature(self, request: pb.CreateFeatureRequest, _context: Context) -> pb.CreateFeatureResponse:
        feature = await self._create(feature_spec_from_proto(request.feature))
        return pb.CreateFeatureResponse(feature=feature_to_proto(feature))

    async def UpdateFeature(self, request: pb.UpdateFeatureRequest, _context: Context) -> pb.UpdateFeatureResponse:
        feature = await self._update(feature_spec_from_proto(request.feature), request.update_mask.paths)
        return pb.UpdateFeatureResponse(feature=feature_to_proto(feature))

    async def GetFeature(self, request: pb.GetFeatureRequest, _context: Context) -> pb.GetFeatureResponse:
        feature = await queries.get_feature(self._database, request.feature_id)
        return pb.GetFeatureResponse(feature=feature_to_proto(feature))

    async def ListFeatures(self, request: pb.ListFeaturesRequest, _context: Context) -> pb.ListFeaturesResponse:
        page = page_of(request.page_size, request.page_token, filters=["features"])
        rows = await queries.list_features(self._database, page)
        features, token = page_of_messages(rows, page, convert=feature_to_proto, key=lambda feature: (feature.id,))
        return pb.ListFeaturesResponse(features=features, next_page_token=token)
