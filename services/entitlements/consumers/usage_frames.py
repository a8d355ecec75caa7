"""Metering's usage frames: every replica hears all of them; silence and gaps make it read instead."""

from typing import Final

import nats.errors
import structlog
from google.protobuf.message import DecodeError

from entitlements.commands.keep_fresh import KeepFresh
from entitlements.domain.memory import Memory
from entitlements.messages.usage import windows_of_frame
from kernel.clock import Clock
from kernel.errors import TollkeeperError
from kit.broker import Broker
from tollkeeper.metering.v1 import metering_events_pb2 as events

log = structlog.get_logger()

SUBJECT: Final = "tollkeeper.metering.frame.*"
# How often silence is looked for while nothing arrives.
_TICK_SECONDS: Final = 0.5


class UsageFrames:
    """Applies frames to memory as they arrive."""

    def __init__(self, broker: Broker, memory: Memory, *, keep_fresh: KeepFresh, clock: Clock) -> None:
        self._broker = broker
        self._memory = memory
        self._keep_fresh = keep_fresh
        self._clock = clock

    async def run(self) -> None:
        """Listens until canceled, whether or not the broker is there."""
        subscription = await self._broker.client.subscribe(SUBJECT)
        try:
            while True:
                try:
                    message = await subscription.next_msg(timeout=_TICK_SECONDS)
                except nats.errors.TimeoutError:
                    self._look_for_silence()
                    continue
                self._take(message.data)
                self._look_for_silence()
        finally:
            if not self._broker.client.is_closed:
                await subscription.unsubscribe()

    def _take(self, data: bytes) -> None:
        watch = self._memory.watch
        covered, gaps = watch.coverage, watch.gaps
        try:
            frame = events.UsageFrame.FromString(data)
            windows = windows_of_frame(frame)
        except (DecodeError, TollkeeperError, ArithmeticError) as error:
            log.error("usage_frame_refused", error=repr(error))  # noqa: TRY400 - the message is at fault, not our code.
            return
        follows = watch.hear(frame.process_id, frame.number, at=self._clock.now())
        self._memory.apply(windows)
        if not follows:
            log.info("usage_frames_missed", process_id=frame.process_id, number=frame.number)
            self._memory.note_gap(covered, gaps)
            self._keep_fresh.usage_unread(self._memory.customers())

    def _look_for_silence(self) -> None:
        watch = self._memory.watch
        covered, gaps = watch.coverage, watch.gaps
        if watch.must_read(self._clock.now()):
            self._memory.note_gap(covered, gaps)
            self._keep_fresh.usage_unread(self._memory.customers())
