"""A customer that some streams watch: its newest state as it is sent, and how new each part of it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from entitlements.domain.decision import Reason
from entitlements.domain.watched import CustomerState, WatchedFeature
from entitlements.messages.watch import StateHead, changes_to_bytes, feature_to_bytes, state_to_bytes, version_of

# Features that are remembered to be gone; after more a stream that is behind is told the whole state.
MAX_REMOVED: Final = 100


class Stream(Protocol):
    """One that watches."""

    def hear(self, customer: "WatchedCustomer", *, changed: bool) -> None:
        """The customer's state was looked at, and whether it became another."""

    def beat(self, as_of: datetime | None) -> None:
        """Everything watched is known until then, once all that was heard of before is told; None: that is not known."""

    def fail(self, error: Exception) -> None:
        """Nothing more can be told."""


@dataclass(slots=True)
class _Part:
    feature: WatchedFeature
    data: bytes
    change: int


class WatchedCustomer:
    """A customer that some streams watch.

    Attributes:
        streams: Who watches it.
        change: Numbers the states that it had here; 0: none was had yet.
        failure: Why its state cannot be had now; empty: it can.
        failures: How often in a row it could not be had.
        boundary: When its state becomes another by itself, in real time; None: never, or by its test clock.
        loading: Whether it is being loaded, or waits for that.
        exact: Whether everything that it rests on was read: else only its own `as_of` says how fresh it is.
    """

    __slots__ = (
        "_absent",
        "_parts",
        "_removed",
        "_since",
        "_test_clock",
        "_time",
        "as_of",
        "boundary",
        "change",
        "customer_id",
        "exact",
        "failure",
        "failures",
        "loading",
        "streams",
        "version",
    )

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id
        self.streams: set[Stream] = set()
        self.change = 0
        self.version = ""
        self.as_of: datetime | None = None
        self.failure = ""
        self.failures = 0
        self.loading = False
        self.boundary: datetime | None = None
        self.exact = False
        self._absent = Reason.CUSTOMER_UNKNOWN
        self._test_clock = False
        self._time: datetime | None = None
        self._parts: dict[str, _Part] = {}
        self._removed: dict[str, int] = {}
        self._since = 0

    def take(self, state: CustomerState, as_of: datetime | None) -> bool:
        """Takes over a newer state; whether it says anything else."""
        change = self.change + 1
        parts = {watched.feature.id: self._part(watched, change) for watched in state.features}
        gone = self._parts.keys() - parts.keys()
        is_new = self.change == 0 or state.test_clock != self._test_clock
        changed = is_new or bool(gone) or state.absent is not self._absent
        changed = changed or any(part.change == change for part in parts.values())
        self._parts, self._absent, self._test_clock = parts, state.absent, state.test_clock
        self._time, self.as_of, self.failure, self.failures = state.time, as_of, "", 0
        if changed:
            self.change = change
            data = [part.data for part in parts.values()]
            self.version = version_of(state.absent, data, test_clock=state.test_clock)
            self._note_removed(gone)
            if is_new:
                self._since = change
        return changed

    def news(self, told: int) -> bytes | None:
        """What a stream is to be told that was told the state of this number last; 0: none. None: nothing is new."""
        if told < self._since:
            return self.whole()
        if told == self.change:
            return None
        changed = [part.data for part in self._parts.values() if part.change > told]
        return self._changes(changed, [feature_id for feature_id, change in self._removed.items() if change > told])

    def whole(self) -> bytes:
        """The whole state."""
        return state_to_bytes(self._head(), [part.data for part in self._parts.values()])

    def confirmation(self) -> bytes:
        """Tells a stream that the state it knows is the newest."""
        return self._changes([], [])

    def _changes(self, changed: Sequence[bytes], removed: Sequence[str]) -> bytes:
        return changes_to_bytes(self._head(), changed, removed=removed)

    def _head(self) -> StateHead:
        assert self._time is not None  # noqa: S101 - nothing is told before a state was taken.
        return StateHead(self.customer_id, self.version, self._absent, self._time, self._test_clock, self.as_of)

    def _part(self, watched: WatchedFeature, change: int) -> _Part:
        known = self._parts.get(watched.feature.id)
        if known is not None and known.feature == watched:
            return known
        data = feature_to_bytes(watched)
        return _Part(watched, data, known.change if known is not None and known.data == data else change)

    def _note_removed(self, gone: Collection[str]) -> None:
        for feature_id in gone:
            self._removed[feature_id] = self.change
        self._removed = {each: change for each, change in self._removed.items() if each not in self._parts}
        if len(self._removed) > MAX_REMOVED:
            self._removed, self._since = {}, self.change
