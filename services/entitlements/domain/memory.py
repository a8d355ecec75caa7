"""What a replica holds: the customers it was asked about, least recently used first out, and how far its usage reaches."""

import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

from entitlements.domain.choosing import prepared
from entitlements.domain.coverage import ControlWatch
from entitlements.domain.customer import TestClock
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature
from entitlements.domain.frames import FrameWatch
from entitlements.domain.held import HeldClock, HeldFeature
from entitlements.domain.usage import HeldWindow, Window

# Answers kept to be given again, of about 400 bytes: those that are asked for again and again. What is not among them is
# decided anew, which takes some 20 microseconds.
MAX_PREPARED: Final = 16_384
# Whose events control state follows from.
STREAMS: Final = ("catalog", "billing")


class Memory:
    """The entries of the customers held.

    Attributes:
        watch: Whether usage frames arrive without a gap.
        control: How far control state is known.
        plan_changes: How many changes of what plans carry were heard of.
        shadow: The features that are in shadow mode.
    """

    def __init__(self, *, max_customers: int) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._clocks: WeakValueDictionary[str, HeldClock] = WeakValueDictionary()
        self._max_customers = max_customers
        self._watched: dict[str, Callable[[str], None]] = {}
        self._prepared: deque[HeldFeature] = deque()
        self.plan_changes = 0
        self.shadow: dict[str, Feature] = {}
        self.watch = FrameWatch()
        self.control = ControlWatch(STREAMS)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, customer_id: str) -> Entry | None:
        """The customer's entry if it is loaded; it becomes the most recently used one."""
        entry = self._entries.get(customer_id)
        if entry is None or not entry.ready:
            return None
        self._entries.move_to_end(customer_id)
        return entry

    def peek(self, customer_id: str) -> Entry | None:
        """The customer's entry if it is loaded; nobody asked for it."""
        entry = self._entries.get(customer_id)
        return entry if entry is not None and entry.ready else None

    def hold(self, customer_id: str) -> Entry:
        """The customer's entry, loaded or about to be: what arrives from now on is applied to it."""
        entry = self._entries.get(customer_id)
        if entry is None:
            customer_id = sys.intern(customer_id)
            entry = self._entries[customer_id] = Entry(customer_id)
            entry.watcher = self._watched.get(customer_id)
            self._make_room()
        return entry

    def _make_room(self) -> None:
        while len(self._entries) > self._max_customers:
            customer_id, entry = self._entries.popitem(last=False)
            if customer_id in self._watched:
                # It stays. One place in ten is never a watched one's, so this ends.
                self._entries[customer_id] = entry

    def watch_customer(self, customer_id: str, told: Callable[[str], None]) -> bool:
        """Keeps the customer's entry, now or once there is one, and tells of its changes; whether there is a place for it: nine of
        ten may be watched.
        """
        if len(self._watched) >= self._max_customers * 9 // 10:
            return False
        self._watched[customer_id] = told
        entry = self._entries.get(customer_id)
        if entry is not None:
            entry.watcher = told
        return True

    def unwatch_customer(self, customer_id: str) -> None:
        """Ends that."""
        self._watched.pop(customer_id, None)
        entry = self._entries.get(customer_id)
        if entry is not None:
            entry.watcher = None

    def is_held(self, customer_id: str) -> bool:
        """Whether the customer has an entry, loaded or not."""
        return customer_id in self._entries

    def forget(self, customer_id: str) -> None:
        """Drops the customer's entry."""
        self._entries.pop(customer_id, None)

    def customers(self) -> list[str]:
        """The customers held, the most recently used first."""
        return list(reversed(self._entries))

    def clock(self, clock: TestClock) -> HeldClock:
        """The clock as all its customers' entries share it, with the newer of both times."""
        held = self._clocks.get(clock.id)
        if held is None:
            held = self._clocks[clock.id] = HeldClock(clock)
        elif held.take(clock):
            for customer_id in self._watched:
                entry = self._entries.get(customer_id)
                if entry is not None and entry.clock is held:
                    entry.tell()
        return held

    def held_clock(self, clock_id: str) -> HeldClock | None:
        """The clock, if an entry lives by it."""
        return self._clocks.get(clock_id)

    def customers_on(self, clock_id: str) -> list[str]:
        """The customers held that live by the test clock."""
        return [
            entry.customer_id
            for entry in self._entries.values()
            if entry.clock is not None and entry.clock.id == clock_id
        ]

    def note_plan(self, plan_id: str) -> list[Entry]:
        """Notes that what the plan carries changed; the entries of customers that hold the plan, or will. (Who is being loaded may hold
        it without our knowing: that load looks at `plan_changes`.)
        """
        self.plan_changes += 1
        return [entry for entry in self._entries.values() if entry.holds_plan(plan_id)]

    def describe(self, features: Iterable[Feature]) -> None:
        """Takes over newer descriptions of features wherever they are held, and which features are in shadow mode."""
        newer = {feature.id: feature for feature in features}
        for entry in self._entries.values():
            for feature_id in newer.keys() & entry.features.keys():
                held = entry.features[feature_id]
                if held.feature.revision < newer[feature_id].revision:
                    held.feature = newer[feature_id]
                    entry.tell()
        if self._note_shadow(newer.values()):
            # Who does not have the feature is granted it now, or no longer.
            for customer_id, told in self._watched.items():
                told(customer_id)

    def _note_shadow(self, features: Iterable[Feature]) -> bool:
        before = dict(self.shadow)
        for feature in features:
            known = self.shadow.get(feature.id)
            if known is None or known.revision < feature.revision:
                self.shadow.pop(feature.id, None)
                if feature.shadow_mode:
                    self.shadow[feature.id] = feature
        return self.shadow != before

    def apply(self, windows: Iterable[Window]) -> None:
        """Takes over what is newer of the customers held."""
        for window in windows:
            entry = self._entries.get(window.customer_id)
            if entry is not None:
                entry.apply(window)

    def note_gap(self, covered: datetime | None, gaps: int) -> None:
        """Keeps for every entry how far its usage reached before the gap.

        Args:
            covered: The frames' coverage before the gap.
            gaps: The number of gaps before it.
        """
        if covered is None:
            return
        for entry in self._entries.values():
            if entry.gaps == gaps and (entry.read_time is None or entry.read_time < covered):
                entry.read_time = covered

    def note_change(self, customer_id: str) -> bool:
        """Notes that the customer's control state changed; whether it is held."""
        entry = self._entries.get(customer_id)
        if entry is not None:
            entry.note_change(self.control.coverage)
        return entry is not None

    def suspect_all(self) -> None:
        """Notes for everybody that changes may have been missed since the control watch last told."""
        for entry in self._entries.values():
            entry.note_change(self.control.coverage)

    def remember(self, entry: Entry, feature_id: str, *, shown: bytes, now: datetime) -> None:
        """Keeps the answer to a bare check, to be given again while it holds.

        Args:
            entry: The customer's.
            feature_id: The feature.
            shown: The answer without its `as_of`.
            now: The customer's time of the answer.
        """
        held = entry.features.get(feature_id)
        if held is None or feature_id in entry.revoked:
            return
        answer = prepared(shown, held, now=now)
        if answer is not None and held.prepared is None:
            self._prepared.append(held)
            if len(self._prepared) > MAX_PREPARED:
                self._prepared.popleft().prepared = None
        held.prepared = answer

    def as_of(self, entry: Entry, windows: Sequence[HeldWindow] | None) -> datetime | None:
        """Until when what is known of the entry includes everything that happened; None: that is not known.

        Args:
            entry: The customer's.
            windows: Those that the answer rests on; None for one that no usage matters to.
        """
        known = entry.covered if entry.changed else self.control.coverage
        if entry.owner_time is not None and (known is None or known < entry.owner_time):
            known = entry.owner_time
        if windows is None or known is None:
            return known
        usage = self._usage_as_of(entry, windows)
        return usage if usage is None or usage < known else known

    def least_as_of(self, entries: Iterable[Entry]) -> datetime | None:
        """Until when, at least, what is known of all these entries includes everything that happened; None: that is not known.

        Every window that they hold is known. Fast for many: only those with a story of their own are looked at closely.
        """
        control, usage, gaps = self.control.coverage, self.watch.coverage, self.watch.gaps
        floor = None if control is None or usage is None else min(control, usage)
        each: set[datetime] = set()
        for entry in entries:
            if floor is not None and not entry.changed and entry.gaps == gaps and not entry.was_read_after(usage):
                each.add(floor)
                continue
            known = _later(entry.covered if entry.changed else control, entry.owner_time)
            # Of a customer that nobody is, or whose usage decides nothing, no usage is ever read.
            heard = _later(usage if entry.gaps == gaps else None, entry.read_time) if entry.is_counted else known
            if known is None or heard is None:
                return None
            each.add(min(known, heard))
        return min(each, default=floor)

    def _usage_as_of(self, entry: Entry, windows: Sequence[HeldWindow]) -> datetime | None:
        oldest: datetime | None = None
        for window in windows:
            if window.read_time is not None:
                if oldest is None or window.read_time < oldest:
                    oldest = window.read_time
            elif not window.revision:
                # Nothing is known of it.
                return entry.read_time
        usage = self.watch.coverage if entry.gaps == self.watch.gaps else None
        if entry.read_time is not None and (usage is None or usage < entry.read_time):
            usage = entry.read_time
        return oldest if usage is None or (oldest is not None and usage < oldest) else usage


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
