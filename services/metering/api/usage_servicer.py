"""``UsageService``."""

from kit.db import Database
from kit.rpc import Context
from metering import queries
from metering.commands.find_feature import FindFeature
from metering.messages.usage import usage_answer_to_proto, usage_query_from_proto
from tollkeeper.metering.v1 import usage_service_pb2 as pb
from tollkeeper.metering.v1 import usage_service_pb2_grpc as grpc_api


class UsageServicer(grpc_api.UsageServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, find_feature: FindFeature) -> None:
        self._database = database
        self._find_feature = find_feature

    async def QueryUsage(self, request: pb.QueryUsageRequest, _context: Context) -> pb.QueryUsageResponse:
        query = usage_query_from_proto(request)
        feature = await self._find_feature(query.series.feature_id)
        return usage_answer_to_proto(await queries.query_usage(self._database, feature, query))
