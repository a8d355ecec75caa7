"""Which time it is for whose events."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping

from kit.db import Database
from metering.clients.billing import Billing
from metering.domain.customer import Customer, TestClock
from metering.store import customers

# Customers and clocks that are remembered; then all are forgotten and read again: 100,000 are some 20 MB.
MOST_REMEMBERED = 100_000
# For so long a customer that is not known here, or not to billing either, is not looked for again; its event ends that at
# once where it is read, and other replicas learn of it then.
UNKNOWN_SECONDS = 3.0
# Calls to billing at the same time.
MOST_CALLS = 16


class CustomerClocks:
    """Remembers what cannot become wrong: a customer's clock never changes, and a clock never moves back."""

    def __init__(self, database: Database, billing: Billing) -> None:
        self._database = database
        self._billing = billing
        self._clock_ids: dict[str, str] = {}
        self._clocks: dict[str, TestClock] = {}
        # Customers that the store did not have a moment ago, and those that billing did not have either.
        self._absent = _Recently()
        self._unknown = _Recently()
        self._calls = asyncio.Semaphore(MOST_CALLS)

    async def clock_ids(self, customer_ids: Collection[str]) -> Mapping[str, str]:
        """The clocks of those of these customers that are known here; empty: real time."""
        wanted = [one for one in customer_ids if one not in self._clock_ids and one not in self._absent]
        if wanted:
            async with self._database.read() as connection:
                found = await customers.clock_ids(connection, wanted)
            self._remember(found)
            self._absent.add(one for one in wanted if one not in found)
        return {one: self._clock_ids[one] for one in customer_ids if one in self._clock_ids}

    async def clocks(self, test_clock_ids: Collection[str]) -> Mapping[str, TestClock]:
        """Those of these clocks that are known here, possibly from a little ago: they may have moved on since."""
        wanted = [one for one in test_clock_ids if one not in self._clocks]
        if wanted:
            async with self._database.read() as connection:
                for clock in (await customers.clocks(connection, wanted)).values():
                    self._remember_clock(clock)
        return {one: self._clocks[one] for one in test_clock_ids if one in self._clocks}

    async def ask(self, customer_ids: Iterable[str]) -> None:
        """Asks billing for the customers and the newest time of their clocks, and stores the answers.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        await asyncio.gather(*(self._ask_customer(one) for one in customer_ids if one not in self._unknown))

    async def ask_clocks(self, test_clock_ids: Iterable[str]) -> None:
        """Asks billing for the newest time of clocks, and stores it.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
        """
        await asyncio.gather(*(self._ask_clock(one) for one in test_clock_ids))

    async def store(self, customer: Customer) -> None:
        """Keeps a customer."""
        async with self._database.write() as connection:
            await customers.put(connection, customer)
        self._unknown.discard(customer.id)
        self._absent.discard(customer.id)
        self._remember({customer.id: customer.test_clock_id})

    async def store_clock(self, clock: TestClock) -> None:
        """Keeps a clock."""
        async with self._database.write() as connection:
            await customers.put_clock(connection, clock)
        self._remember_clock(clock)

    async def _ask_customer(self, customer_id: str) -> None:
        async with self._calls:
            customer = await self._billing.get_customer(customer_id)
        if customer is None:
            self._unknown.add([customer_id])
        else:
            await self.store(customer)

    async def _ask_clock(self, test_clock_id: str) -> None:
        async with self._calls:
            clock = await self._billing.get_test_clock(test_clock_id)
        if clock is not None:
            await self.store_clock(clock)

    def _remember(self, clock_ids: Mapping[str, str]) -> None:
        if len(self._clock_ids) + len(clock_ids) > MOST_REMEMBERED:
            self._clock_ids.clear()
        self._clock_ids.update(clock_ids)

    def _remember_clock(self, clock: TestClock) -> None:
        known = self._clocks.get(clock.id)
        if known is None and len(self._clocks) >= MOST_REMEMBERED:
            self._clocks.clear()
        if known is None or known.revision < clock.revision:
            self._clocks[clock.id] = clock


class _Recently:
    """Names that were noted in the last few seconds."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __contains__(self, name: str) -> bool:
        until = self._until.get(name)
        return until is not None and time.monotonic() < until

    def add(self, names: Iterable[str]) -> None:
        if len(self._until) >= MOST_REMEMBERED:
            self._until.clear()
        self._until.update(dict.fromkeys(names, time.monotonic() + UNKNOWN_SECONDS))

    def discard(self, name: str) -> None:
        self._until.pop(name, None)
