"""What a replica says of its health."""

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from kit.client import open_channel


async def says(address: str) -> str:
    """`SERVING` or `NOT_SERVING`; empty where nobody answers."""
    async with open_channel(address) as channel:
        try:
            check = HealthStub(channel).Check  # type: ignore[attr-defined]  # its stub file does not say so.
            answer = await check(health_pb2.HealthCheckRequest(), timeout=1)
        except grpc.aio.AioRpcError:
            return ""
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
