"""Looks every second how far the shared consumers of the owners' events have come: what `as_of` may promise of control state."""

import asyncio
from typing import Final

import nats.errors
import structlog

from entitlements.domain.memory import STREAMS, Memory
from kernel.clock import Clock
from kit.broker import Broker, stream_name

log = structlog.get_logger()

# The coverage lags by so much; without the broker it stands still, and answers say so.
_LOOK_SECONDS: Final = 1.0
# The same until it is known for the first time, which the service's readiness waits for.
_FIRST_LOOK_SECONDS: Final = 0.05


class ControlCoverage:
    """Keeps the memory's control watch."""

    def __init__(self, broker: Broker, memory: Memory, *, durable: str, clock: Clock) -> None:
        self._broker = broker
        self._memory = memory
        self._durable = durable
        self._clock = clock

    async def run(self) -> None:
        """Looks until canceled."""
        while True:
            try:
                for stream in STREAMS:
                    await self._look(stream)
            except (nats.errors.Error, TimeoutError) as error:
                log.debug("control_coverage_unknown", error=repr(error))
            is_first = self._memory.control.coverage is None
            await asyncio.sleep(_FIRST_LOOK_SECONDS if is_first else _LOOK_SECONDS)

    async def _look(self, stream: str) -> None:
        at, name = self._clock.now(), stream_name(stream)
        state = (await self._broker.jetstream.stream_info(name)).state
        consumer = await self._broker.jetstream.consumer_info(name, self._durable)
        self._memory.control.look(
            stream,
            at,
            last=state.last_seq,
            stored=consumer.ack_floor.stream_seq if consumer.ack_floor is not None else 0,
            idle=consumer.num_pending == 0 and consumer.num_ack_pending == 0,
        )
