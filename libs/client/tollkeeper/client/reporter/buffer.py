"""Events that wait to be sent, and those that are under way: bounded in number and bytes. Whoever uses it holds the lock."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from tollkeeper.metering.v1 import event_pb2

# The contract's greatest batch.
MAX_BATCH_EVENTS: Final = 5_000
MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
# What an event costs in a batch beside itself: its tag and its length.
_OVERHEAD_BYTES: Final = 6


class Waiting:
    """An event that waits.

    Attributes:
        since: By the monotonic clock, in seconds.
        size: In bytes, as a part of a batch.
        number: Its place among all that were put.
    """

    __slots__ = ("message", "number", "since", "size")

    def __init__(self, message: event_pb2.Event, *, since: float) -> None:
        self.message = message
        self.number = 0
        self.since = since
        self.size = message.ByteSize() + _OVERHEAD_BYTES


class Buffer:
    """First in, first out.

    Attributes:
        count: Events that wait or are under way.
        size: Their bytes.
    """

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self.count = 0
        self.size = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._waiting: deque[Waiting] = deque()
        self._waiting_size = 0

    @property
    def oldest(self) -> Waiting | None:
        """The event that waits longest."""
        return self._waiting[0] if self._waiting else None

    def has_room(self, event: Waiting) -> bool:
        """Whether the event fits in."""
        return self.count < self._max_events and self.size + event.size <= self._max_bytes

    def can_make_room(self, event: Waiting) -> bool:
        """Whether it would fit in if none waited."""
        under_way = self.count - len(self._waiting)
        return under_way < self._max_events and self.size - self._waiting_size + event.size <= self._max_bytes

    def fills(self, events: int, size: int) -> bool:
        """Whether so many events, or bytes, wait."""
        return len(self._waiting) >= events or self._waiting_size >= size

    def add(self, event: Waiting) -> None:
        """Puts an event at the end."""
        self._waiting.append(event)
        self._waiting_size += event.size
        self.count += 1
        self.size += event.size

    def take(self, events: int, size: int) -> list[Waiting]:
        """The oldest events: at most so many, and so many bytes, but one where there is any. They are counted until `settle`."""
        taken: list[Waiting] = []
        while self._waiting and len(taken) < events and (not taken or self._waiting[0].size <= size):
            event = self._waiting.popleft()
            self._waiting_size -= event.size
            size -= event.size
            taken.append(event)
        return taken

    def settle(self, events: Sequence[Waiting]) -> None:
        """Counts events that were taken no longer."""
        self.count -= len(events)
        self.size -= sum(event.size for event in events)
