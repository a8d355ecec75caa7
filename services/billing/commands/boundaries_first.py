"""Every command first brings its subscription up to now: on a boundary the renewal goes first, then the change."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from billing.commands.boundaries import Boundaries
from billing.domain.subscription import Subscription
from kernel.errors import ErrorKind, TollkeeperError

T = TypeVar("T")

# Each further attempt means that a boundary passed, or another command came first, within milliseconds.
_ATTEMPTS = 5


@dataclass(slots=True)
class BoundaryDueError(Exception):
    """Ends a command's transaction, because a boundary goes first."""

    subscription_id: str
    now: datetime


def check_up_to_date(subscription: Subscription, now: datetime) -> None:
    """Sends the command back to cross the boundary first, if one is due.

    Raises:
        BoundaryDueError: One is; caught by `boundaries_first`.
    """
    if subscription.due(now):
        raise BoundaryDueError(subscription.id, now)


async def boundaries_first(boundaries: Boundaries, attempt: Callable[[], Awaitable[T]]) -> T:
    """Runs the attempt, after the boundaries that it finds due.

    Raises:
        TollkeeperError: `CONCURRENT_CHANGE` if boundaries keep passing under it.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await attempt()
        except BoundaryDueError as due:
            await boundaries.catch_up(due.subscription_id, now=due.now)
    raise TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request.")
