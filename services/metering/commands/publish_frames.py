"""Tells every replica of entitlements which windows changed: state, not events, at most ten times a second."""

import asyncio
import time
from collections.abc import Iterable, Sequence

import nats.errors
import structlog

from kernel.ids import new_id
from kit.broker import Broker
from metering.domain.changed_windows import ChangedWindows
from metering.domain.tracker import Window
from metering.messages.tracker import window_to_proto
from tollkeeper.metering.v1 import metering_events_pb2 as pb

log = structlog.get_logger()

INTERVAL_SECONDS = 0.1
HEARTBEAT_SECONDS = 1.0
# Changed windows that are kept while NATS is away: some 30 MB. Beyond, a gap in the numbers makes receivers read again.
MOST_CHANGED = 100_000
# A frame stays well under NATS's payload limit of 1 MB.
MOST_FRAME_BYTES = 500_000


class PublishFrames:
    """Collects what was committed and publishes the newest values."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._changed = ChangedWindows(most=MOST_CHANGED)
        self._arrived = asyncio.Event()
        self._number = 0
        self.process_id = new_id("met")

    def changed(self, windows: Iterable[Window]) -> None:
        """Notes windows as they were committed."""
        self._changed.add(windows)
        if len(self._changed):
            self._arrived.set()

    async def run(self) -> None:
        """Publishes until canceled, and once more then."""
        try:
            while True:
                started = time.monotonic()
                await self._publish()
                await self._wait(started)
        finally:
            await self._publish()

    async def _wait(self, started: float) -> None:
        """For a change, or the next heartbeat; no shorter than the interval."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._arrived.wait()
        except TimeoutError:
            return
        await asyncio.sleep(max(0.0, INTERVAL_SECONDS - (time.monotonic() - started)))

    async def _publish(self) -> None:
        if not self._broker.client.is_connected:
            # Nothing is lost: what changes now goes with the first frame after the return.
            self._arrived.clear()
            return
        self._arrived.clear()
        windows, lost = self._changed.take()
        if lost:
            self._number += 1
        try:
            for frame in self._frames(windows):
                await self._broker.client.publish(
                    f"tollkeeper.metering.frame.{self.process_id}", frame.SerializeToString()
                )
        except nats.errors.Error as error:
            # Receivers see the gap or the silence, and read again.
            log.warning("frame_not_published", error=repr(error))

    def _frames(self, windows: Sequence[Window]) -> Iterable[pb.UsageFrame]:
        frame, size = self._frame(), 0
        for window in windows:
            message = window_to_proto(window)
            if size > MOST_FRAME_BYTES:
                yield frame
                frame, size = self._frame(), 0
            frame.windows.append(message)
            size += message.ByteSize()
        yield frame

    def _frame(self) -> pb.UsageFrame:
        self._number += 1
        return pb.UsageFrame(process_id=self.process_id, number=self._number)
