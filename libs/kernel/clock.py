"""The clock is an argument everywhere; this is its shape, and the one that tells real time."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; a test clock tells another one."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)
