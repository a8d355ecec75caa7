"""What became of the events of a reporter."""

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ReporterStatistics:
    """What became of the events so far: each that was handed over is sent, refused, dropped, lost, or waits.

    Attributes:
        sent: The service took them.
        duplicates: Those of them whose key it knew already.
        refused: It refused them for good; `on_error` was told each.
        dropped: They made room for newer ones; `on_error` was told each.
        lost: They were not taken until the reporter was closed; `on_error` was told each. (One whose call was cut off may count
            all the same: only the answer is lost then.)
        waiting: They wait, or are under way.
        waiting_bytes: The bytes of those, as they are sent.
        batches: Calls that were answered.
        retries: Calls that were not, and were made again.
    """

    sent: int = 0
    duplicates: int = 0
    refused: int = 0
    dropped: int = 0
    lost: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    batches: int = 0
    retries: int = 0


class Counts:
    """Statistics that grow, for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = ReporterStatistics()

    def add(
        self,
        *,
        sent: int = 0,
        duplicates: int = 0,
        refused: int = 0,
        dropped: int = 0,
        lost: int = 0,
        batches: int = 0,
        retries: int = 0,
    ) -> None:
        """Counts what happened."""
        with self._lock:
            now = self._now
            self._now = replace(
                now,
                sent=now.sent + sent,
                duplicates=now.duplicates + duplicates,
                refused=now.refused + refused,
                dropped=now.dropped + dropped,
                lost=now.lost + lost,
                batches=now.batches + batches,
                retries=now.retries + retries,
            )

    def read(self, *, waiting: int, waiting_bytes: int) -> ReporterStatistics:
        """The statistics with what waits now."""
        with self._lock:
            return replace(self._now, waiting=waiting, waiting_bytes=waiting_bytes)
