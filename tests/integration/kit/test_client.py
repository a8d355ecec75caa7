"""A neighbour that comes back is found again at once, however long it was away."""

import asyncio
import time
from functools import partial

import grpc

from cli.ports import LOOPBACK, free_port
from kit.client import open_channel
from kit.rpc import Registration, Server
from tollkeeper.catalog.v1 import feature_service_pb2 as pb
from tollkeeper.catalog.v1.feature_service_pb2_grpc import (
    FeatureServiceServicer,
    FeatureServiceStub,
    add_FeatureServiceServicer_to_server,
)

SERVICE = "tollkeeper.catalog.v1.FeatureService"


class _Features(FeatureServiceServicer):
    """A fake, because only whether somebody answers matters."""

    async def ListFeatures(self, _request: pb.ListFeaturesRequest, _context: object) -> pb.ListFeaturesResponse:
        """Nothing."""
        return pb.ListFeaturesResponse()


async def _start(address: str) -> Server:
    add = partial(add_FeatureServiceServicer_to_server, _Features())  # type: ignore[abstract]  # one method is enough.
    server = Server("catalog", address, [Registration(SERVICE, add)], max_concurrent=10)
    await server.start()
    return server


async def test_a_neighbour_that_was_away_for_long_is_found_at_once() -> None:
    address = f"{LOOPBACK}:{free_port()}"
    server = await _start(address)
    async with open_channel(address) as channel:
        ask = FeatureServiceStub(channel).ListFeatures

        async def answers() -> bool:
            try:
                await ask(pb.ListFeaturesRequest(), timeout=5)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - a refusal is one of two answers here.
                return False
            return True

        assert await answers()
        await server.stop(0)
        away = time.monotonic()
        # Long enough for the pauses between two attempts to reach their greatest.
        while time.monotonic() - away < 1.5:
            assert not await answers()
            await asyncio.sleep(0.05)
        server = await _start(address)
        back = time.monotonic()
        while not await answers():  # noqa: ASYNC110 - the channel tells nobody of its state.
            await asyncio.sleep(0.01)
        assert time.monotonic() - back < 1
        await server.stop(0)
