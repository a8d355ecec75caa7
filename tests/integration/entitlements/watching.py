"""A client's side of a watch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

import grpc

from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    WatchedCustomer,
    WatchEntitlementsRequest,
    WatchEntitlementsResponse,
)
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.entitlements.v1.watched_entitlement_pb2 import (
    CustomerEntitlements,
    EntitlementChanges,
    Holding,
    WatchedEntitlement,
    WatchHeartbeat,
)


class Watching:
    """An open watch, and what it was told but heartbeats."""

    def __init__(self, api: EntitlementsServiceStub) -> None:
        self._call = api.WatchEntitlements(timeout=60)
        self.told: list[WatchEntitlementsResponse] = []

    async def add(self, *customer_ids: str, known: str = "") -> Self:
        """Watches customers from now on."""
        added = [WatchedCustomer(customer_id=each, known_version=known) for each in customer_ids]
        await self._call.write(WatchEntitlementsRequest(add=added))
        return self

    async def send(self, request: WatchEntitlementsRequest) -> None:
        """Asks for anything."""
        await self._call.write(request)

    async def remove(self, *customer_ids: str) -> None:
        """Watches customers no longer."""
        await self._call.write(WatchEntitlementsRequest(remove_customer_ids=customer_ids))

    async def _read(self) -> WatchEntitlementsResponse:
        message = await asyncio.wait_for(self._call.read(), 10)
        assert isinstance(message, WatchEntitlementsResponse), "the stream ended"
        return message

    async def update(self) -> WatchEntitlementsResponse:
        """The next that is no heartbeat."""
        while (message := await self._read()).WhichOneof("update") == "heartbeat":
            pass
        self.told.append(message)
        return message

    async def heartbeat(self) -> WatchHeartbeat:
        """The next heartbeat; what comes before it is in `told`."""
        while (message := await self._read()).WhichOneof("update") != "heartbeat":
            self.told.append(message)
        return message.heartbeat

    async def quiet(self) -> None:
        """Asserts that nothing is told until a heartbeat that begins now: of two the second was measured after this call."""
        self.told.clear()
        await self.heartbeat()
        await self.heartbeat()
        assert not self.told

    async def state(self) -> CustomerEntitlements:
        """The next update, which is a whole state."""
        message = await self.update()
        assert message.WhichOneof("update") == "customer", message
        return message.customer

    async def changes(self, fits: Callable[[EntitlementChanges], bool] = lambda _: True) -> EntitlementChanges:
        """The next changes that fit; nothing but changes comes before."""
        while True:
            message = await self.update()
            assert message.WhichOneof("update") == "changes", message
            if fits(message.changes):
                return message.changes

    async def refusal(self) -> grpc.aio.AioRpcError:
        """What the stream ends with."""
        try:
            while True:
                await self._read()
        except grpc.aio.AioRpcError as error:
            return error

    def close(self) -> None:
        """Ends the watch."""
        self._call.cancel()


@asynccontextmanager
async def watching(api: EntitlementsServiceStub) -> AsyncIterator[Watching]:
    """An open watch."""
    made = Watching(api)
    try:
        yield made
    finally:
        made.close()


def entitlement(entitlements: Sequence[WatchedEntitlement], feature_id: str) -> WatchedEntitlement:
    """That of a feature."""
    return next(each for each in entitlements if each.feature_id == feature_id)


def holding(entitlements: Sequence[WatchedEntitlement], feature_id: str) -> Holding:
    """The only one of a feature."""
    (only,) = entitlement(entitlements, feature_id).holdings
    return only
