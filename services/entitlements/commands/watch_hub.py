"""Keeps the states of all watched customers up to now, and tells the streams that watch them.

Whatever may change a decision marks the customer. Marked ones are looked at together, at most every tenth of a second, so that many
changes of one become one state; a stream is only told *that* there is news, and takes the newest when it can.
"""

import asyncio
import heapq
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from entitlements.commands.keep_fresh import KeepFresh
from entitlements.commands.load_customer import LoadCustomer
from entitlements.commands.watched_customer import Stream, WatchedCustomer
from entitlements.domain.memory import Memory
from entitlements.domain.watched import customer_state, next_boundary
from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError
from kit.faults import public_error

log = structlog.get_logger()

# The contract's: no feature is told more often.
PACE_SECONDS: Final = 0.1
# The contract promises a heartbeat every second.
BEAT_SECONDS: Final = 0.5
# Customers looked at without letting calls in between: about two milliseconds.
_CHUNK: Final = 20
# Customers loaded at the same time.
LOADS: Final = 100
# A customer that cannot be loaded is tried again after so long, and then twice as long, up to the greatest.
RETRY_SECONDS: Final = 0.5
RETRY_GREATEST_SECONDS: Final = 15.0
# Watches (a customer on a stream) of one replica: some 300 MB.
MAX_WATCHES: Final = 1_000_000


class WatchHub:
    """Every customer that any stream watches."""

    def __init__(self, memory: Memory, load: LoadCustomer, *, keep_fresh: KeepFresh, clock: Clock) -> None:
        self._memory = memory
        self._load = load
        self._keep_fresh = keep_fresh
        self._clock = clock
        self._customers: dict[str, WatchedCustomer] = {}
        self._streams: dict[Stream, dict[str, WatchedCustomer]] = {}
        self._watches = 0
        self._marked: dict[str, None] = {}
        self._boundaries: list[tuple[datetime, str]] = []
        self._missing: asyncio.Queue[str] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._next_beat = 0.0

    def open(self, stream: Stream) -> None:
        """A stream begins."""
        self._streams[stream] = {}
        self._wake.set()

    def close(self, stream: Stream) -> None:
        """A stream ended."""
        for customer_id in self._streams.pop(stream, {}):
            self._leave(stream, customer_id)

    def add(self, stream: Stream, customer_id: str) -> None:
        """The stream watches the customer from now on, and hears of it soon.

        Raises:
            TollkeeperError: `OVERLOADED`: this replica has no place for it.
        """
        customer = self._customers.get(customer_id)
        if customer is None:
            if not self._memory.watch_customer(customer_id, self.mark):
                raise _overloaded()
            customer = self._customers[customer_id] = WatchedCustomer(customer_id)
        if stream not in customer.streams:
            if self._watches >= MAX_WATCHES:
                raise _overloaded()
            self._watches += 1
            customer.streams.add(stream)
            self._streams[stream][customer_id] = customer
        if self._memory.peek(customer_id) is not None:
            self.mark(customer_id)
        elif customer.failure:
            stream.hear(customer, changed=False)
        elif not customer.loading:
            self._find(customer)

    def remove(self, stream: Stream, customer_id: str) -> None:
        """The stream no longer watches the customer."""
        if self._streams[stream].pop(customer_id, None) is not None:
            self._leave(stream, customer_id)

    def mark(self, customer_id: str) -> None:
        """Something that decides for the customer may have changed."""
        self._marked[customer_id] = None
        self._wake.set()

    async def run(self) -> None:
        """Works until canceled."""
        for customer in self._customers.values():
            # Whoever loads begins anew.
            if customer.loading:
                self._missing.put_nowait(customer.customer_id)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(LOADS):
                tasks.create_task(self._load_missing())
            while True:
                await self._something_to_do()
                self._mark_passed()
                # What is known at this moment is in the states that are looked at next.
                fresh = self._freshness()
                await self._look()
                for stream, as_of in fresh.items():
                    stream.beat(as_of)
                await asyncio.sleep(PACE_SECONDS)

    async def _something_to_do(self) -> None:
        if not self._marked:
            self._wake.clear()
            try:
                async with asyncio.timeout(self._idle_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _idle_seconds(self) -> float | None:
        if not self._streams:
            return None
        idle = max(0.0, self._next_beat - asyncio.get_running_loop().time())
        if self._boundaries:
            idle = min(idle, max(0.0, (self._boundaries[0][0] - self._clock.now()) / timedelta(seconds=1)))
        return idle

    def _mark_passed(self) -> None:
        now = self._clock.now()
        while self._boundaries and self._boundaries[0][0] <= now:
            boundary, customer_id = heapq.heappop(self._boundaries)
            customer = self._customers.get(customer_id)
            if customer is not None and customer.boundary == boundary:
                customer.boundary = None
                self._marked[customer_id] = None

    async def _look(self) -> None:
        marked, self._marked = list(self._marked), {}
        for number, customer_id in enumerate(marked, start=1):
            customer = self._customers.get(customer_id)
            if customer is not None:
                try:
                    self._look_at(customer)
                except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others are told.
                    for stream in customer.streams:
                        stream.fail(error)
            if number % _CHUNK == 0:
                await asyncio.sleep(0)

    def _look_at(self, customer: WatchedCustomer) -> None:
        entry = self._memory.peek(customer.customer_id)
        if entry is None:
            if not customer.loading and not customer.failure:
                self._find(customer)
            return
        now = entry.now(self._clock.now())
        state = customer_state(entry, now, self._memory.shadow)
        windows = [window for tracker in entry.trackers() if (window := tracker.at(now)) is not None]
        customer.exact = all(window.is_known for window in windows)
        if entry.unread:
            entry.unread = False
            self._keep_fresh.usage_unread([entry.customer_id])
        changed = customer.take(state, self._memory.as_of(entry, windows or None))
        boundary = None if entry.clock is not None else next_boundary(entry, now)
        if boundary != customer.boundary:
            customer.boundary = boundary
            if boundary is not None:
                heapq.heappush(self._boundaries, (boundary, customer.customer_id))
        for stream in customer.streams:
            stream.hear(customer, changed=changed)

    def _freshness(self) -> Mapping[Stream, datetime | None]:
        """Of each stream that is due for a heartbeat, until when everything that it watches is known."""
        now = asyncio.get_running_loop().time()
        if now < self._next_beat:
            return {}
        self._next_beat = now + BEAT_SECONDS
        self._forget_old_boundaries()
        return {stream: self._least(customers) for stream, customers in self._streams.items()}

    def _least(self, customers: Mapping[str, WatchedCustomer]) -> datetime | None:
        known = [customer for customer in customers.values() if customer.change and not customer.failure]
        exact = (self._memory.peek(customer.customer_id) for customer in known if customer.exact)
        least = self._memory.least_as_of(entry for entry in exact if entry is not None)
        others = [customer.as_of for customer in known if not customer.exact]
        if least is None or None in others:
            return None
        return min((least, *(as_of for as_of in others if as_of is not None)))

    def _forget_old_boundaries(self) -> None:
        # Those of customers that are no longer watched, or that have another by now.
        if len(self._boundaries) > 2 * len(self._customers) + 1_000:
            held = self._customers.values()
            self._boundaries = [(each.boundary, each.customer_id) for each in held if each.boundary is not None]
            heapq.heapify(self._boundaries)

    def _leave(self, stream: Stream, customer_id: str) -> None:
        self._watches -= 1
        customer = self._customers[customer_id]
        customer.streams.discard(stream)
        if not customer.streams:
            del self._customers[customer_id]
            self._memory.unwatch_customer(customer_id)

    def _find(self, customer: WatchedCustomer) -> None:
        customer.loading = True
        self._missing.put_nowait(customer.customer_id)

    async def _load_missing(self) -> None:
        while True:
            customer = self._customers.get(await self._missing.get())
            if customer is None:
                continue
            try:
                await self._load.once(customer.customer_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told and tried again.
                self._note_failure(customer, public_error(error))
            else:
                customer.loading = False
                self.mark(customer.customer_id)

    def _note_failure(self, customer: WatchedCustomer, error: TollkeeperError) -> None:
        customer.failure = error.reason
        delay = min(RETRY_SECONDS * 2**customer.failures, RETRY_GREATEST_SECONDS)
        customer.failures = min(customer.failures + 1, 10)
        asyncio.get_running_loop().call_later(delay, self._missing.put_nowait, customer.customer_id)
        for stream in customer.streams:
            stream.hear(customer, changed=False)


def _overloaded() -> TollkeeperError:
    message = "This replica watches as many customers as it has places for. Go to another replica, or come back later."
    return TollkeeperError(ErrorKind.RESOURCE_EXHAUSTED, "OVERLOADED", message)
