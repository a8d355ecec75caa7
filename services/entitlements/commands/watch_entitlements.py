"""One stream that watches customers: what it was told, and what it is to be told next."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from entitlements.commands.watch_hub import WatchHub
from entitlements.commands.watched_customer import WatchedCustomer
from entitlements.messages.watch import WatchRequest, failure_to_bytes, heartbeat_to_bytes
from kernel.errors import FieldViolation, invalid

# The contract's bound, of a stream.
MAX_CUSTOMERS: Final = 10_000


class WatchEntitlements:
    """Opens watches."""

    def __init__(self, hub: WatchHub) -> None:
        self._hub = hub

    async def __call__(self, requests: AsyncIterator[WatchRequest]) -> AsyncIterator[bytes]:
        """The updates of a new stream, encoded, until it is closed. When no more requests come, it goes on.

        Raises:
            TollkeeperError: `INVALID_FIELD`: too many customers; `OVERLOADED`; and whatever reading the requests raises.
        """
        watch = Watch(self._hub)
        reading = asyncio.create_task(watch.read(requests))
        try:
            async for update in watch.updates():
                yield update
        finally:
            reading.cancel()
            self._hub.close(watch)


class Watch:
    """One stream. What waits to be told is a set of customers, so a slow reader is told the newest state only."""

    def __init__(self, hub: WatchHub) -> None:
        self._hub = hub
        # The number of the state that was told last, by customer; and of those that are to be answered, the version known.
        self._told: dict[str, int] = {}
        self._asked: dict[str, str] = {}
        self._waiting: OrderedDict[str, WatchedCustomer] = OrderedDict()
        # A heartbeat, and how many of those waiting go first.
        self._beat: tuple[datetime | None, int] | None = None
        self._error: Exception | None = None
        self._wake = asyncio.Event()
        hub.open(self)

    async def read(self, requests: AsyncIterator[WatchRequest]) -> None:
        """Does what the requests ask for; a wrong one ends the stream."""
        try:
            async for request in requests:
                self.apply(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told at the edge.
            self.fail(error)

    def apply(self, request: WatchRequest) -> None:
        """Watches some customers no longer, then some others from now on.

        Raises:
            TollkeeperError: `INVALID_FIELD`: too many customers in all; `OVERLOADED`.
        """
        for customer_id in request.remove:
            self._hub.remove(self, customer_id)
            for known in (self._told, self._asked, self._waiting):
                known.pop(customer_id, None)
        for number, (customer_id, version) in enumerate(request.add):
            if customer_id not in self._told and len(self._told) >= MAX_CUSTOMERS:
                message = f"must not take the stream above {MAX_CUSTOMERS:,} customers: open another one for more"
                raise invalid(FieldViolation(f"add[{number}]", message))
            self._told.setdefault(customer_id, 0)
            self._asked[customer_id] = version
            self._hub.add(self, customer_id)

    def hear(self, customer: WatchedCustomer, *, changed: bool) -> None:
        """There is news of the customer, or an answer to who asked."""
        if changed or customer.customer_id in self._asked:
            self._waiting.setdefault(customer.customer_id, customer)
            self._wake.set()

    def beat(self, as_of: datetime | None) -> None:
        """A heartbeat, to be told after all that waits now."""
        if self._beat is None:
            self._beat = (as_of, len(self._waiting))
            self._wake.set()

    def fail(self, error: Exception) -> None:
        """Ends the stream."""
        self._error = error
        self._wake.set()

    async def updates(self) -> AsyncIterator[bytes]:
        """What there is to tell, newest states only."""
        while True:
            if self._error is not None:
                raise self._error
            if self._beat is not None and (self._beat[1] <= 0 or not self._waiting):
                (as_of, _), self._beat = self._beat, None
                yield heartbeat_to_bytes(as_of)
            elif self._waiting:
                customer_id, customer = self._waiting.popitem(last=False)
                if self._beat is not None:
                    self._beat = (self._beat[0], self._beat[1] - 1)
                update = self._update(customer_id, customer)
                if update is not None:
                    yield update
            else:
                self._wake.clear()
                await self._wake.wait()

    def _update(self, customer_id: str, customer: WatchedCustomer) -> bytes | None:
        if customer.failure:
            # The answer to who asked is still to come.
            return failure_to_bytes(customer_id, customer.failure)
        told, version = self._told[customer_id], self._asked.pop(customer_id, None)
        self._told[customer_id] = customer.change
        if version is None:
            return customer.news(told)
        return customer.confirmation() if version == customer.version else customer.whole()
