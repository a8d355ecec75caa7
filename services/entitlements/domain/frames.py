"""Whether usage frames arrive without a gap: what a replica may believe of its memory, and when it must read again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# The contract's: after so long without a frame of a process its windows are read instead. A heartbeat comes every second.
SILENCE: Final = timedelta(seconds=3)
# How often they are read while the silence lasts: together with its detection and the reading itself well under 10 seconds.
POLL: Final = timedelta(seconds=2)
# A process that is silent for so long is gone. One that was only cut off from the broker is noticed by its frames' numbers
# when it returns.
GONE: Final = timedelta(seconds=60)
# Processes of metering known at a time; the longest unheard is forgotten first.
MAX_PROCESSES: Final = 1_000


@dataclass(slots=True)
class _Process:
    number: int
    heard: datetime
    covered: datetime


class FrameWatch:
    """Follows the frames of every metering process, in real time.

    Attributes:
        coverage: Until when every process told of its changes: when the frame before its last one arrived. None: none is heard.
        gaps: How often something may have been missed; windows read before the last time are to be read again.
    """

    def __init__(self) -> None:
        self._processes: dict[str, _Process] = {}
        self.coverage: datetime | None = None
        self.gaps = 0
        self._polled: datetime | None = None

    def hear(self, process_id: str, number: int, *, at: datetime) -> bool:
        """Notes a frame; whether it may be applied without reading again. An old frame does no harm."""
        process = self._processes.get(process_id)
        if process is None:
            if len(self._processes) >= MAX_PROCESSES:
                del self._processes[min(self._processes, key=lambda known: self._processes[known].heard)]
            self._processes[process_id] = _Process(number, at, at)
            self._cover()
            return self._follows(number == 1)
        missed = number > process.number + 1
        if number > process.number:
            process.covered, process.heard, process.number = process.heard, at, number
            self._cover()
        return self._follows(not missed)

    def _cover(self) -> None:
        self.coverage = min((process.covered for process in self._processes.values()), default=None)

    def _follows(self, follows: bool) -> bool:  # noqa: FBT001 - the answer that is passed on.
        if not follows:
            self.gaps += 1
        return follows

    def must_read(self, at: datetime) -> bool:
        """Whether held windows must be read now because some process, or all of metering, is silent."""
        if self._polled is None and not self._processes:
            # Silence begins with the listening.
            self._polled = at
        silent = [key for key, process in self._processes.items() if at - process.heard >= SILENCE]
        due = self._polled is None or at - self._polled >= POLL
        if not due or (self._processes and not silent):
            return False
        for key in silent:
            if at - self._processes[key].heard >= GONE:
                del self._processes[key]
        self._cover()
        self._polled = at
        self.gaps += 1
        return True
