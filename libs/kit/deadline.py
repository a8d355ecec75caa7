"""The caller's deadline, carried along the hops of one request."""

import time
from contextvars import ContextVar

# A call without a deadline of its own ends after this.
DEFAULT_SECONDS = 10.0
# What a hop keeps back, to be able to say what timed out.
_SLICE = 0.9

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def start(seconds: float | None) -> None:
    """Begins a request whose caller waits for so long; None for a caller that did not say."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def remaining(limit: float = DEFAULT_SECONDS) -> float:
    """Seconds that a call made on behalf of this request may take: at most `limit`, at least a millisecond."""
    deadline = _deadline.get()
    if deadline is None:
        return limit
    return max(0.001, min(limit, (deadline - time.monotonic()) * _SLICE))
