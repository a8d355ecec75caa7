"""Metering's neighbours, as far as metering asks them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from kernel.errors import not_found
from kit.errors import status_of
from kit.rpc import Context
from tollkeeper.billing.v1 import (
    customer_pb2,
    customer_service_pb2,
    customer_service_pb2_grpc,
    test_clock_pb2,
    test_clock_service_pb2,
    test_clock_service_pb2_grpc,
)
from tollkeeper.catalog.v1 import feature_pb2, feature_service_pb2, feature_service_pb2_grpc


@dataclass(repr=False)
class Neighbours:
    """What the fakes know, and how often they were asked."""

    features: dict[str, feature_pb2.Feature] = field(default_factory=dict)
    customers: dict[str, customer_pb2.Customer] = field(default_factory=dict)
    clocks: dict[str, test_clock_pb2.TestClock] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""
    away: bool = False


class FakeFeatures(feature_service_pb2_grpc.FeatureServiceServicer):
    """A fake, because the catalog's own behaviour is tested with the catalog, and the two together end to end."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._known = neighbours

    async def GetFeature(
        self, request: feature_service_pb2.GetFeatureRequest, context: Context
    ) -> feature_service_pb2.GetFeatureResponse:
        await _ask(self._known, request.feature_id, context)
        if request.feature_id not in self._known.features:
            await _refuse(context, "FEATURE_NOT_FOUND")
        return feature_service_pb2.GetFeatureResponse(feature=self._known.features[request.feature_id])


class FakeCustomers(customer_service_pb2_grpc.CustomerServiceServicer):
    """A fake, because billing's own behaviour is tested with billing, and the two together end to end."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._known = neighbours

    async def GetCustomer(
        self, request: customer_service_pb2.GetCustomerRequest, context: Context
    ) -> customer_service_pb2.GetCustomerResponse:
        await _ask(self._known, request.customer_id, context)
        if request.customer_id not in self._known.customers:
            await _refuse(context, "CUSTOMER_NOT_FOUND")
        return customer_service_pb2.GetCustomerResponse(customer=self._known.customers[request.customer_id])


class FakeTestClocks(test_clock_service_pb2_grpc.TestClockServiceServicer):
    """A fake, for the same reason."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._known = neighbours

    async def GetTestClock(
        self, request: test_clock_service_pb2.GetTestClockRequest, context: Context
    ) -> test_clock_service_pb2.GetTestClockResponse:
        await _ask(self._known, request.test_clock_id, context)
        if request.test_clock_id not in self._known.clocks:
            await _refuse(context, "TEST_CLOCK_NOT_FOUND")
        return test_clock_service_pb2.GetTestClockResponse(test_clock=self._known.clocks[request.test_clock_id])


@asynccontextmanager
async def neighbours_running() -> AsyncIterator[Neighbours]:
    """Both neighbours at one address."""
    neighbours = Neighbours()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    feature_service_pb2_grpc.add_FeatureServiceServicer_to_server(FakeFeatures(neighbours), server)  # type: ignore[abstract]  # metering asks no more.
    customer_service_pb2_grpc.add_CustomerServiceServicer_to_server(FakeCustomers(neighbours), server)  # type: ignore[abstract]  # metering asks no more.
    test_clock_service_pb2_grpc.add_TestClockServiceServicer_to_server(FakeTestClocks(neighbours), server)  # type: ignore[abstract]  # metering asks no more.
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    neighbours.address = f"127.0.0.1:{port}"
    yield neighbours
    await server.stop(None)


async def _ask(neighbours: Neighbours, thing: str, context: Context) -> None:
    neighbours.asked.append(thing)
    if neighbours.away:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "away")


async def _refuse(context: Context, reason: str) -> None:
    status = status_of(not_found(reason, "There is none."), "fake")
    await context.abort(status.code, status.details, status.trailing_metadata)
