"""How far a replica knows control state: until when everything that billing announced is stored, and was told to it."""

from datetime import datetime
from typing import Final

# Looks that wait to be overtaken; one a second, so an hour of falling behind.
MAX_LOOKS: Final = 3_600


class ControlWatch:
    """Follows the shared consumer of billing's events through looks at its stream.

    Attributes:
        coverage: Everything announced until then is stored and was told to this replica; None: not known yet.
    """

    def __init__(self) -> None:
        self.coverage: datetime | None = None
        self._stored: datetime | None = None
        self._looks: list[tuple[datetime, int]] = []
        self._listening = False

    def look(self, at: datetime, *, last: int, stored: int, idle: bool) -> None:
        """Notes a look.

        What it finds stored counts from the next look on, a second later: a notice may still be on its way. The first
        counts at once, since nothing was held before it.

        Args:
            at: When it began, in real time.
            last: The number of the newest message of the stream, seen after that.
            stored: Every message up to this number is stored, seen after that.
            idle: Whether nothing was left to store, seen after that.
        """
        if self._listening and self._stored is not None:
            self.coverage = self._stored
        self._looks.append((at, last))
        del self._looks[:-MAX_LOOKS]
        while self._looks and (idle or self._looks[0][1] <= stored):
            self._stored = self._looks.pop(0)[0]
        if self._listening and self.coverage is None:
            self.coverage = self._stored

    def listen(self) -> None:
        """Notices of what is stored arrive from now on."""
        self._listening = True

    def miss(self) -> None:
        """Notices are lost from now on: the coverage stands still."""
        self._listening = False
        self._stored = None
        self._looks.clear()
