"""Keeps what is held up to now, beside the checks: after a notice the control state, after a gap in the frames the usage."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import structlog

from entitlements.clients.metering import MAX_BATCH, Lookup, MeteringClient
from entitlements.commands.load_customer import LoadCustomer
from entitlements.domain.control import Offers, plan_revision
from entitlements.domain.entry import Entry
from entitlements.domain.memory import Memory
from entitlements.domain.subscription import PlanKey
from entitlements.domain.usage import HeldTracker
from entitlements.store.control import ControlStore
from kernel.clock import Clock

log = structlog.get_logger()

# Customers loaded at a time: beside them the pool has connections left for callers.
_TOGETHER: Final = 4
# Customers whose revisions are compared at a time after notices may have been missed.
_COMPARED: Final = 1_000
# How long to wait while a neighbour or the database is away.
_PAUSE_SECONDS: Final = 0.5


class KeepFresh:
    """Reads again what may have changed; checks go on meanwhile with what is held.

    Only customers that are held are read, so what waits is bounded by what is held.
    """

    def __init__(
        self, memory: Memory, load: LoadCustomer, *, control: ControlStore, metering: MeteringClient, clock: Clock
    ) -> None:
        self._memory = memory
        self._load = load
        self._control = control
        self._metering = metering
        self._clock = clock
        self._suspected: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        # With the count of changes heard of by then: what comes later needs more than resolving again.
        self._offered: dict[str, int] = {}
        self._unread: dict[str, None] = {}
        self._wake = asyncio.Event()

    def customer_changed(self, customer_id: str) -> None:
        """The customer or its subscriptions changed."""
        if self._memory.note_change(customer_id):
            self._changed[customer_id] = None
            self._wake.set()

    def plan_changed(self, plan_id: str) -> None:
        """What the plan carries to its customers changed."""
        for entry in self._memory.note_plan(plan_id):
            others = entry.changed and self._offered.get(entry.customer_id) != entry.changes
            self._memory.note_change(entry.customer_id)
            if others:
                self._changed[entry.customer_id] = None
            else:
                self._offered[entry.customer_id] = entry.changes
            self._wake.set()

    def usage_unread(self, customer_ids: Sequence[str]) -> None:
        """The usage of these customers may have changed unheard, or was never read."""
        self._unread.update(dict.fromkeys(customer_ids))
        self._wake.set()

    def notices_missed(self) -> None:
        """Changes of anybody may have been missed."""
        self._suspected.update(dict.fromkeys(self._memory.customers()))
        self._wake.set()

    async def run(self) -> None:
        """Works until canceled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            works = (self._compare, self._load_changed, self._resolve_offered, self._read_usage)
            outcomes = [await work() for work in works]
            failures = [error for error in outcomes if error is not None]
            if failures:
                log.warning("refresh_waits", errors=[repr(error) for error in failures])
                await asyncio.sleep(_PAUSE_SECONDS)
                self._wake.set()

    async def _compare(self) -> Exception | None:
        """Finds among the suspected customers those that changed."""
        while self._suspected:
            chunk = list(self._suspected)[:_COMPARED]
            covered = self._memory.control.coverage
            changes = {entry.customer_id: entry.changes for entry in map(self._memory.peek, chunk) if entry is not None}
            try:
                newest = await self._control.revisions(chunk)
                carried = await self._control.carried(self._plans_of(chunk))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again.
                return error
            for customer_id in chunk:
                del self._suspected[customer_id]
                entry = self._memory.peek(customer_id)
                if entry is None or customer_id not in changes or entry.revisions != newest.get(customer_id):
                    self.customer_changed(customer_id)
                elif entry.plan_revision < plan_revision(entry.held_subscriptions, carried):
                    self._offered[customer_id] = changes[customer_id]
                else:
                    entry.note_control(changes[customer_id], covered=covered)
        return None

    def _plans_of(self, customer_ids: list[str]) -> set[str]:
        return {plan_id for plan_id, _ in self._keys_of(customer_ids)}

    def _keys_of(self, customer_ids: Iterable[str]) -> set[PlanKey]:
        entries = filter(None, map(self._memory.peek, customer_ids))
        return {key for entry in entries for held in entry.held_subscriptions for key in held.plan_keys}

    async def _load_changed(self) -> Exception | None:
        """Loads the changed customers again; gives the last failure, whose customer waits for the next time."""
        changed, self._changed = list(self._changed), {}
        failure = None
        for start in range(0, len(changed), _TOGETHER):
            held = [
                customer_id for customer_id in changed[start : start + _TOGETHER] if self._memory.is_held(customer_id)
            ]
            outcomes = await asyncio.gather(*map(self._load.again, held), return_exceptions=True)
            for customer_id, outcome in zip(held, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    failure = outcome
                    self._changed[customer_id] = None
        return failure

    async def _resolve_offered(self) -> Exception | None:
        """Resolves customers again from what their plans grant now; gives the last failure, whose customers wait for the next
        time. The database is read once for many of them.
        """
        failure = None
        waiting = list(self._offered.items())
        for start in range(0, len(waiting), _COMPARED):
            chunk = dict(waiting[start : start + _COMPARED])
            covered = self._memory.control.coverage
            try:
                offers = await self._control.offers(self._keys_of(chunk), customer_ids=list(chunk))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again.
                return error
            for first in range(0, len(chunk), _TOGETHER):
                some = list(chunk)[first : first + _TOGETHER]
                resolving = (self._resolve(each, offers, changes=chunk[each], covered=covered) for each in some)
                for outcome in await asyncio.gather(*resolving, return_exceptions=True):
                    failure = outcome if isinstance(outcome, Exception) else failure
        return failure

    async def _resolve(self, customer_id: str, offers: Offers, *, changes: int, covered: datetime | None) -> None:
        if self._memory.peek(customer_id) is not None:
            entry = await self._load.resolve(customer_id, offers)
            entry.note_control(changes, covered=covered)
        if self._offered.get(customer_id) == changes:
            # Nothing more was heard of meanwhile.
            del self._offered[customer_id]

    async def _read_usage(self) -> Exception | None:
        """Reads windows, many customers to a call; gives the failure that ended it."""
        while self._unread:
            entries: list[Entry] = []
            count = 0
            for customer_id in list(self._unread)[:MAX_BATCH]:
                entry = self._memory.peek(customer_id)
                trackers = 0 if entry is None else len(entry.trackers())
                if entries and count + trackers > MAX_BATCH:
                    break
                del self._unread[customer_id]
                if entry is not None:
                    entries.append(entry)
                    count += trackers
            try:
                await self._read_windows(entries)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again.
                self.usage_unread([entry.customer_id for entry in entries])
                return error
        return None

    async def _read_windows(self, entries: list[Entry]) -> None:
        began, gaps = self._clock.now(), self._memory.watch.gaps
        lookups: list[Lookup] = []
        read: list[HeldTracker] = []
        for entry in entries:
            now = entry.now(began)
            for tracker in entry.trackers():
                if tracker.at(now) is not None:
                    lookups.append((tracker.tracker, now))
                    read.append(tracker)
        windows = await self._metering.get_windows(lookups) if lookups else []
        for tracker, window in zip(read, windows, strict=True):
            tracker.take_read(window, proven=(), at=began)
        for entry in entries:
            entry.note_read(began, gaps)
