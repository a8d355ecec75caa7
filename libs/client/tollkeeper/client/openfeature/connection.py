"""What becomes of the stream, as OpenFeature's events: ready, stale when it was lost, in error when it stays lost."""

import threading
import time
from enum import Enum

from openfeature.event import ProviderEventDetails
from openfeature.exception import ErrorCode
from openfeature.provider import AbstractProvider


class _State(Enum):
    BEGINNING = "BEGINNING"  # OpenFeature itself announces how the initialization ends.
    READY = "READY"
    STALE = "STALE"
    ERROR = "ERROR"
    ENDED = "ENDED"


class Connection:
    """Tells of each change once."""

    def __init__(self, provider: AbstractProvider, *, error_seconds: float) -> None:
        """After so many seconds without the stream a stale provider is in error."""
        self._provider = provider
        self._error_seconds = error_seconds
        self._state = _State.ENDED
        self._lost_time = 0.0
        self._opened = threading.Event()
        self._lock = threading.Lock()

    @property
    def announced(self) -> bool:
        """Whether the provider was initialized, and not shut down since."""
        return self._state not in (_State.BEGINNING, _State.ENDED)

    def begin(self) -> None:
        """The provider is being initialized."""
        self._opened.clear()
        self._state = _State.BEGINNING

    def wait(self, seconds: float) -> bool:
        """Ends the initialization; whether the stream opened within so many seconds."""
        self._opened.wait(seconds)
        with self._lock:
            opened = self._opened.is_set()
            self._state = _State.READY if opened else _State.ERROR
            return opened

    def end(self) -> None:
        """The provider is shut down."""
        self._state = _State.ENDED

    def note(self, alive: bool) -> None:  # noqa: FBT001 - called with one word.
        """Takes what the projection tells."""
        with self._lock:
            before = self._state
            if alive:
                self._opened.set()
            if self.announced:
                self._state = _State.READY if alive else self._lost(before)
            now = self._state
        if now is not before:
            self._announce(now)

    def _lost(self, before: _State) -> _State:
        if before is _State.READY:
            self._lost_time = time.monotonic()
            return _State.STALE
        is_late = time.monotonic() - self._lost_time >= self._error_seconds
        return _State.ERROR if is_late else before

    def _announce(self, state: _State) -> None:
        match state:
            case _State.READY:
                self._provider.emit_provider_ready(ProviderEventDetails(message="The stream is open again."))
            case _State.STALE:
                message = "The stream was lost: what is known grows old."
                self._provider.emit_provider_stale(ProviderEventDetails(message=message))
            case _:
                message = f"The stream has been lost for {self._error_seconds:g} seconds."
                details = ProviderEventDetails(message=message, error_code=ErrorCode.GENERAL)
                self._provider.emit_provider_error(details)
