"""How far a replica knows control state: until when everything that billing announced is stored, and was told to it."""

from datetime import datetime
from typing import Final

# Looks that wait to be overtaken; one a second, so an hour of falling behind.
MAX_LOOKS: Final = 3_600


class ControlWatch:
    """Follows the shared consumer of billing's events through looks at its stream, and the notices of what it stored.

    Attributes:
        stored: Everything announced until then is stored; None: not known yet.
        coverage: Everything announced until then is stored and was told to this replica; None: not known yet.
    """

    def __init__(self) -> None:
        self.stored: datetime | None = None
        self.coverage: datetime | None = None
        self._looks: list[tuple[datetime, int]] = []

    def look(self, at: datetime, *, last: int, stored: int, idle: bool) -> None:
        """Notes a look.

        Args:
            at: When it began, in real time.
            last: The number of the newest message of the stream, seen after that.
            stored: Every message up to this number is stored, seen after that.
            idle: Whether nothing was left to store, seen after that.
        """
        self._looks.append((at, last))
        del self._looks[:-MAX_LOOKS]
        while self._looks and (idle or self._looks[0][1] <= stored):
            self.stored = self._looks.pop(0)[0]

    def hear(self, stored: datetime | None) -> None:
        """Notes that this replica was told of everything that was stored when `stored` was read here."""
        if stored is not None and (self.coverage is None or self.coverage < stored):
            self.coverage = stored
