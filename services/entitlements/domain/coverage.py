"""How far a replica knows control state: until when everything that its owners announced is stored, and was told to it."""

from datetime import datetime
from typing import Final

# Looks at a stream that wait to be overtaken; one a second, so an hour of falling behind.
MAX_LOOKS: Final = 3_600


class ControlWatch:
    """Follows the shared consumers of the owners' events through looks at their streams, and the notices of what they stored.

    Attributes:
        coverage: Everything announced until then is stored and was told to this replica; None: not known yet.
    """

    def __init__(self, streams: tuple[str, ...]) -> None:
        self.coverage: datetime | None = None
        self._streams = {stream: _StreamWatch() for stream in streams}

    @property
    def stored(self) -> datetime | None:
        """Everything announced until then is stored; None: not known yet."""
        times = [watch.stored for watch in self._streams.values()]
        known = [time for time in times if time is not None]
        return min(known) if len(known) == len(times) else None

    def look(self, stream: str, at: datetime, *, last: int, stored: int, idle: bool) -> None:
        """Notes a look at a stream.

        Args:
            stream: One of those followed.
            at: When it began, in real time.
            last: The number of the newest message of the stream, seen after that.
            stored: Every message up to this number is stored, seen after that.
            idle: Whether nothing was left to store, seen after that.
        """
        self._streams[stream].look(at, last=last, stored=stored, idle=idle)

    def hear(self, stored: datetime | None) -> None:
        """Notes that this replica was told of everything that was stored when `stored` was read here."""
        if stored is not None and (self.coverage is None or self.coverage < stored):
            self.coverage = stored


class _StreamWatch:
    """How far one stream is stored."""

    def __init__(self) -> None:
        self.stored: datetime | None = None
        self._looks: list[tuple[datetime, int]] = []

    def look(self, at: datetime, *, last: int, stored: int, idle: bool) -> None:
        self._looks.append((at, last))
        del self._looks[:-MAX_LOOKS]
        while self._looks and (idle or self._looks[0][1] <= stored):
            self.stored = self._looks.pop(0)[0]
