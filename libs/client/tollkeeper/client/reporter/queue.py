"""Where events wait between the threads that hand them over and the one that sends them."""

import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum

from tollkeeper.client.errors import TollkeeperError
from tollkeeper.client.reporter.buffer import Buffer, Waiting


class WhenFull(Enum):
    """What becomes of an event when there is no room for it."""

    BLOCK = "BLOCK"  # Its caller waits for room, and gets a `ReporterFullError` when that takes too long.
    RAISE = "RAISE"  # Its caller gets a `ReporterFullError` at once.
    DROP_OLDEST = "DROP_OLDEST"  # Those that wait longest make room; they are counted, and told to `on_error`.


class ReporterFullError(TollkeeperError):
    """There is no room: the service takes events more slowly than they are handed over, or not at all."""


class ReporterClosedError(TollkeeperError):
    """The reporter was closed."""


class Flush:
    """A wait until everything that was put so far is settled.

    Attributes:
        number: Of the last event that it waits for.
        left: How many of those are not settled yet.
    """

    __slots__ = ("left", "number")

    def __init__(self, number: int, left: int) -> None:
        self.number = number
        self.left = left


class EventQueue:
    """Bounded, for many threads that put and one that takes."""

    def __init__(self, buffer: Buffer, *, flush_seconds: float, flush_events: int, flush_bytes: int) -> None:
        """A batch is due when so many events or bytes wait, or one of them for so long."""
        self._buffer = buffer
        self._flush_seconds, self._flush_events, self._flush_bytes = flush_seconds, flush_events, flush_bytes
        self._put = 0
        # Those up to this number are sent without waiting for more.
        self._hurried = 0
        self._flushes: set[Flush] = set()
        self._closing = False
        lock = threading.Lock()
        self._lock = lock
        self._due = threading.Condition(lock)
        self._moved = threading.Condition(lock)
        self._listeners: set[Callable[[], None]] = set()

    @property
    def waiting(self) -> tuple[int, int]:
        """Events that wait or are under way, and their bytes."""
        with self._lock:
            return self._buffer.count, self._buffer.size

    def listen(self, moved: Callable[[], None]) -> None:
        """From now on calls whenever events were settled, or the queue was closed; it must be quick, and use nothing of the queue."""
        with self._lock:
            self._listeners.add(moved)

    def leave(self, moved: Callable[[], None]) -> None:
        """Calls it no longer."""
        with self._lock:
            self._listeners.discard(moved)

    def put(self, event: Waiting, *, when_full: WhenFull, seconds: float) -> Sequence[Waiting]:
        """Puts an event at the end; gives those that made room for it.

        Args:
            event: To be sent.
            when_full: What to do where there is no room.
            seconds: How long to wait for room.

        Raises:
            ReporterFullError: There was no room.
            ReporterClosedError: The queue is closed.
        """
        with self._lock:
            dropped = self._drop_for(event) if when_full is WhenFull.DROP_OLDEST else []
            if when_full is WhenFull.BLOCK and not self._buffer.has_room(event):
                self._moved.wait_for(lambda: self._closing or self._buffer.has_room(event), seconds)
            if self._closing:
                raise ReporterClosedError("The reporter was closed: it takes no more events.")
            if not self._buffer.has_room(event):
                raise ReporterFullError(
                    "There is no room for another event. Report more slowly, or allow more of them."
                )
            self._put += 1
            event.number = self._put
            self._buffer.add(event)
            # The first begins the wait, and the one that fills a batch ends it.
            if self._buffer.oldest is event or self._is_filled():
                self._due.notify()
            return dropped

    def take(self) -> Sequence[Waiting]:
        """The next batch, when it is due; empty: the queue is closed, and nothing waits."""
        with self._lock:
            while not self._closing or self._buffer.oldest is not None:
                seconds = self._seconds_until_due()
                if seconds is not None and seconds <= 0:
                    return self._buffer.take(self._flush_events, self._flush_bytes)
                self._due.wait(seconds)
            return []

    def settle(self, events: Sequence[Waiting]) -> None:
        """Gives the room of events that were taken free."""
        with self._lock:
            self._settle(events)

    def begin_flush(self) -> Flush:
        """Has everything that was put sent without waiting for more; whoever began it ends it."""
        with self._lock:
            self._hurried = self._put
            self._due.notify()
            flush = Flush(self._put, self._buffer.count)
            self._flushes.add(flush)
            return flush

    def end_flush(self, flush: Flush, seconds: float | None) -> bool:
        """Whether everything was settled within so many seconds (None: however long it takes)."""
        with self._lock:
            done = self._moved.wait_for(lambda: flush.left == 0, seconds)
            self._flushes.discard(flush)
            return done

    def close(self) -> None:
        """Takes no more events; `take` gives what waits, and then nothing."""
        with self._lock:
            self._closing, self._hurried = True, self._put
            self._due.notify_all()
            self._settle([])

    def drain(self) -> Sequence[Waiting]:
        """Everything that waits, settled."""
        with self._lock:
            left = self._buffer.take(self._buffer.count, self._buffer.size)
            self._settle(left)
            return left

    def _settle(self, events: Sequence[Waiting]) -> None:
        self._buffer.settle(events)
        for flush in self._flushes:
            flush.left -= sum(event.number <= flush.number for event in events)
        self._moved.notify_all()
        for moved in self._listeners:
            moved()

    def _is_filled(self) -> bool:
        return self._buffer.fills(self._flush_events, self._flush_bytes)

    def _seconds_until_due(self) -> float | None:
        """None: nothing waits."""
        oldest = self._buffer.oldest
        if oldest is None:
            return None
        if self._is_filled() or oldest.number <= self._hurried:
            return 0.0
        return oldest.since + self._flush_seconds - time.monotonic()

    def _drop_for(self, event: Waiting) -> list[Waiting]:
        dropped: list[Waiting] = []
        while not self._closing and self._buffer.can_make_room(event) and not self._buffer.has_room(event):
            oldest = self._buffer.take(1, 0)
            self._settle(oldest)
            dropped += oldest
        return dropped
