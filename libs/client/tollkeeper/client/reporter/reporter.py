"""The usage reporter: hand an event over and go on; it is sent in the background, in batches, and counts once."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import grpc

from tollkeeper.client.calling import BlockingLine, Calls, Retries
from tollkeeper.client.channel import Address, Channels
from tollkeeper.client.consistency import Tokens
from tollkeeper.client.errors import TollkeeperError, UnavailableError
from tollkeeper.client.event import Event, event_from_proto, event_to_proto
from tollkeeper.client.life import at_exit, on_fork
from tollkeeper.client.metering import AsyncMetering, Metering, ReportedEvents
from tollkeeper.client.reporter.buffer import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Buffer, Waiting
from tollkeeper.client.reporter.moving import until
from tollkeeper.client.reporter.queue import EventQueue, ReporterFullError, WhenFull
from tollkeeper.client.reporter.sender import Sender
from tollkeeper.client.reporter.statistics import Counts, ReporterStatistics
from tollkeeper.client.usage import new_key

log = logging.getLogger("tollkeeper.client")

_MIB: Final = 1024 * 1024
_DROPPED: Final = ReporterFullError("It was dropped, to make room for newer events.")

# Called with each event that does not count, and why.
OnError = Callable[[Event, TollkeeperError], None]


class UsageReporter:
    """Sends raw events in the background, for threads and for `asyncio`.

    While the service is away it keeps them, within its bounds, and tries without end. It is flushed at the end of a ``with`` block, by
    `close`, and at the end of the process. After a fork the child begins empty: what waited is its parent's to send.
    """

    def __init__(
        self,
        address: Address = "127.0.0.1:7402",
        *,
        flush_seconds: float = 1.0,
        flush_events: int = 1_000,
        flush_bytes: int = _MIB,
        max_events: int = 100_000,
        max_bytes: int = 64 * _MIB,
        when_full: WhenFull = WhenFull.BLOCK,
        block_seconds: float = 5.0,
        close_seconds: float = 10.0,
        on_error: OnError | None = None,
        timeout: float = 10.0,
        retries: Retries | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        """A reporter; its thread starts, and connects, with the first event.

        Args:
            address: Of the metering service: "host:port", or several IP addresses with ports.
            flush_seconds: An event is sent after so long,
            flush_events: or as soon as so many wait: 1–5,000,
            flush_bytes: or so many bytes of them: at most 4 MiB.
            max_events: So many are kept, those under way included,
            max_bytes: and so many bytes of them, as they are sent.
            when_full: What becomes of an event beyond that.
            block_seconds: How long `BLOCK` waits for room.
            close_seconds: How long the end of a ``with`` block, or of the process, waits until everything is sent.
            on_error: Called with each event that does not count, and why; from the reporter's thread, or the one that hands over.
                Unless given they are logged.
            timeout: The deadline in seconds of one call.
            retries: How long to pause after a call that failed; there is no end of attempts.
            credentials: Without them the connection is not encrypted.
            tokens: Where its writes are remembered; `Tollkeeper.reporter` gives its own, so that its answers include them.

        Raises:
            ValueError: A batch would not be within the contract's bounds, or nothing could ever wait.
        """
        if not (1 <= flush_events <= MAX_BATCH_EVENTS and 1 <= flush_bytes <= MAX_BATCH_BYTES):
            raise ValueError(f"a batch has 1 to {MAX_BATCH_EVENTS:,} events and 1 to {MAX_BATCH_BYTES:,} bytes")
        if max_events < 1 or max_bytes < 1:
            raise ValueError("there must be room for an event")
        self._bounds = (max_events, max_bytes)
        self._flush_seconds, self._flush_events, self._flush_bytes = flush_seconds, flush_events, flush_bytes
        self._when_full, self._block_seconds = when_full, block_seconds
        self._close_seconds = close_seconds
        self._on_error = on_error or _log
        self._timeout = timeout
        self._retries = retries or Retries(greatest_pause=5.0)
        self._channels = Channels({"metering": address}, credentials=credentials, asynchronous=False)
        self._tokens = tokens or Tokens()
        self._begin()
        on_fork(self)
        at_exit(self)

    def _begin(self) -> None:
        self._queue = EventQueue(
            Buffer(*self._bounds),
            flush_seconds=self._flush_seconds,
            flush_events=self._flush_events,
            flush_bytes=self._flush_bytes,
        )
        self._counts = Counts()
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def report(self, event: Event) -> None:
        """Hands an event over; it is sent soon. Its key is made up and its timestamp is now, unless it has them.

        Raises:
            ReporterFullError: There was no room.
            ReporterClosedError: The reporter was closed.
            TypeError: A dimension is of no type that there is.
            ValueError: The timestamp has no time zone.
        """
        self._put(_waiting(event), self._when_full)

    async def report_async(self, event: Event) -> None:
        """`report` for `asyncio`: where it would block, other tasks go on."""
        waiting = _waiting(event)
        when_full = WhenFull.RAISE if self._when_full is WhenFull.BLOCK else self._when_full

        def is_in() -> bool:
            try:
                self._put(waiting, when_full)
            except ReporterFullError:
                if self._when_full is not WhenFull.BLOCK:
                    raise
                return False
            return True

        if not await until(is_in, self._queue, seconds=self._block_seconds):
            self._put(waiting, when_full)

    def flush(self, timeout: float | None = None) -> bool:
        """Sends everything that was handed over; whether it was settled within so many seconds (None: however long it takes)."""
        return self._queue.end_flush(self._queue.begin_flush(), timeout)

    async def flush_async(self, timeout: float | None = None) -> bool:
        """`flush` for `asyncio`."""
        flush = self._queue.begin_flush()
        try:
            await until(lambda: flush.left == 0, self._queue, seconds=timeout)
        finally:
            done = self._queue.end_flush(flush, 0)
        return done

    def close(self, timeout: float | None = None) -> None:
        """Takes no more events, and sends those that wait; what is not taken within so many seconds is told to `on_error` as lost.

        Args:
            timeout: In seconds; unless given, `close_seconds`.
        """
        self._queue.close()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._close_seconds if timeout is None else timeout)
            self._stop.set()
            # Its call, if one is under way, ends with its channel.
            for channel in self._channels.take():
                channel.close()
            thread.join(1)
        self._lose(self._queue.drain())

    async def close_async(self, timeout: float | None = None) -> None:
        """`close` for `asyncio`."""
        await asyncio.to_thread(self.close, timeout)

    @property
    def statistics(self) -> ReporterStatistics:
        """What became of the events so far."""
        waiting, waiting_bytes = self._queue.waiting
        return self._counts.read(waiting=waiting, waiting_bytes=waiting_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close_async()

    def after_fork(self) -> None:
        """Begins empty in a child."""
        self._begin()

    def _put(self, event: Waiting, when_full: WhenFull) -> None:
        dropped = self._queue.put(event, when_full=when_full, seconds=self._block_seconds)
        self._start()
        for one in dropped:
            self._counts.add(dropped=1)
            self._tell(one, _DROPPED)

    def _start(self) -> None:
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="tollkeeper-reporter", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        # One attempt a call: the sender has its own way of trying again.
        calls = Calls(BlockingLine(), timeout=self._timeout, retries=Retries(attempts=1))
        metering = Metering(AsyncMetering(calls, self._channels, self._tokens))
        sender = Sender(metering, self, timeout=self._timeout, retries=self._retries, stop=self._stop)
        while batch := self._queue.take():
            left = sender.send(batch)
            self._lose(left)
            self._queue.settle(left)

    # What the sender calls.

    def sent(self, events: Sequence[Waiting], reported: ReportedEvents) -> None:
        """The service took them."""
        self._counts.add(sent=len(events), duplicates=reported.duplicate_count, batches=1)
        self._queue.settle(events)

    def refused(self, event: Waiting, error: TollkeeperError) -> None:
        """The service refused one for good."""
        self._counts.add(refused=1)
        self._tell(event, error)
        self._queue.settle([event])

    def retried(self) -> None:
        """A call failed, and is made again."""
        self._counts.add(retries=1)

    def _lose(self, events: Sequence[Waiting]) -> None:
        for event in events:
            self._counts.add(lost=1)
            self._tell(
                event, UnavailableError("The reporter was closed before the service took it.", code="UNAVAILABLE")
            )

    def _tell(self, event: Waiting, error: TollkeeperError) -> None:
        try:
            self._on_error(event_from_proto(event.message), error)
        except Exception:
            # The other events must be sent, whatever becomes of the news of this one.
            log.exception("on_error failed")


def _waiting(event: Event) -> Waiting:
    complete = replace(
        event, idempotency_key=event.idempotency_key or new_key(), timestamp=event.timestamp or datetime.now(UTC)
    )
    return Waiting(event_to_proto(complete), since=time.monotonic())


def _log(event: Event, error: TollkeeperError) -> None:
    key, name, customer_id = event.idempotency_key, event.event_name, event.customer_id
    log.error("the event %s (%s, customer %s) does not count: %s", key, name, customer_id, error)
