"""The windows that changed since the last frame, newest values only."""

from collections.abc import Iterable

from metering.domain.tracker import PlaceKey, Window


class ChangedWindows:
    """A bounded collection; it is emptied whole when it is full, and says so: receivers then read everything again."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._windows: dict[PlaceKey, Window] = {}
        self._lost = False

    def __len__(self) -> int:
        return len(self._windows)

    def add(self, windows: Iterable[Window]) -> None:
        """Notes changes; of one window the greatest revision is kept."""
        for window in windows:
            known = self._windows.get(window.key)
            if known is None or known.revision < window.revision:
                self._windows[window.key] = window
        if len(self._windows) > self._most:
            self._windows.clear()
            self._lost = True

    def take(self) -> tuple[list[Window], bool]:
        """Empties the collection: the windows, and whether others were lost since the last time."""
        taken, lost = list(self._windows.values()), self._lost
        self._windows, self._lost = {}, False
        return taken, lost
