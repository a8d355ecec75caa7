"""Keeps what is held up to now, beside the checks: after a notice the control state, after a gap in the frames the usage."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from entitlements.clients.metering import MAX_BATCH, Lookup, MeteringClient
from entitlements.commands.load_customer import LoadCustomer
from entitlements.domain.entry import Entry
from entitlements.domain.memory import Memory
from entitlements.domain.usage import HeldTracker
from kernel.clock import Clock
from kernel.errors import TollkeeperError

log = structlog.get_logger()

# Customers loaded at a time: beside them the pool has connections left for callers.
_TOGETHER: Final = 4
# How long to wait while a neighbour or the database is away.
_PAUSE_SECONDS: Final = 0.5


class KeepFresh:
    """Reads again what may have changed; checks go on meanwhile with what is held.

    Only customers that are held are read, so what waits is bounded by what is held.
    """

    def __init__(self, memory: Memory, load: LoadCustomer, *, metering: MeteringClient, clock: Clock) -> None:
        self._memory = memory
        self._load = load
        self._metering = metering
        self._clock = clock
        self._changed: dict[str, None] = {}
        self._unread: dict[str, None] = {}
        self._wake = asyncio.Event()

    def customer_changed(self, customer_id: str) -> None:
        """The customer or its subscriptions changed."""
        if self._memory.is_held(customer_id):
            self._changed[customer_id] = None
            self._wake.set()

    def usage_unread(self, customer_ids: Sequence[str]) -> None:
        """The usage of these customers may have changed unheard, or was never read."""
        self._unread.update(dict.fromkeys(customer_ids))
        self._wake.set()

    def everything_changed(self) -> None:
        """Changes of anything may have been missed."""
        self._changed.update(dict.fromkeys(self._memory.customers()))
        self._wake.set()

    async def run(self) -> None:
        """Works until canceled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while self._changed or self._unread:
                    await self._load_changed()
                    await self._read_usage()
            except (TollkeeperError, SQLAlchemyError) as error:
                log.warning("refresh_waits", error=repr(error), changed=len(self._changed), unread=len(self._unread))
                self._wake.set()
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _load_changed(self) -> None:
        while self._changed:
            batch = list(self._changed)[:_TOGETHER]
            for customer_id in batch:
                del self._changed[customer_id]
            loads = (self._load.again(customer_id) for customer_id in batch if self._memory.is_held(customer_id))
            outcomes = await asyncio.gather(*loads, return_exceptions=True)
            failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            if failed:
                self._changed.update(dict.fromkeys(batch))
                raise failed[0]

    async def _read_usage(self) -> None:
        while self._unread:
            entries: list[Entry] = []
            trackers: list[tuple[Entry, HeldTracker]] = []
            while self._unread and len(trackers) < MAX_BATCH:
                customer_id = next(iter(self._unread))
                del self._unread[customer_id]
                entry = self._memory.peek(customer_id)
                if entry is not None:
                    entries.append(entry)
                    trackers += [(entry, tracker) for tracker in entry.trackers()]
            try:
                await self._read_windows(entries, trackers)
            except BaseException:
                self._unread.update(dict.fromkeys(entry.customer_id for entry in entries))
                raise

    async def _read_windows(self, entries: list[Entry], trackers: list[tuple[Entry, HeldTracker]]) -> None:
        began, gaps = self._clock.now(), self._memory.watch.gaps
        lookups: list[Lookup] = []
        read: list[HeldTracker] = []
        for entry, tracker in trackers:
            now = entry.now(began)
            if tracker.at(now) is not None:
                lookups.append((tracker.tracker, now))
                read.append(tracker)
        windows = await self._metering.get_windows(lookups) if lookups else []
        for tracker, window in zip(read, windows, strict=True):
            tracker.take_read(window, floor=0, at=began)
        for entry in entries:
            entry.read_time, entry.gaps, entry.unread = began, gaps, False
