"""Every command first brings its subscription up to now: on a boundary the renewal goes first, then the change."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from billing.commands.renewals import Renewals
from billing.domain.subscription import Subscription
from kernel.errors import ErrorKind, TollkeeperError

T = TypeVar("T")

# Each further attempt means that a boundary passed, or another command came first, within milliseconds.
_ATTEMPTS = 5


@dataclass(slots=True)
class RenewalDueError(Exception):
    """Ends a command's transaction, because a renewal goes first."""

    subscription_id: str
    now: datetime


def check_up_to_date(subscription: Subscription, now: datetime) -> None:
    """Sends the command back to run the renewal first, if one is due.

    Raises:
        RenewalDueError: One is; caught by `renewals_first`.
    """
    if subscription.due(now):
        raise RenewalDueError(subscription.id, now)


async def renewals_first(renewals: Renewals, attempt: Callable[[], Awaitable[T]]) -> T:
    """Runs the attempt, after the renewals that it finds due.

    Raises:
        TollkeeperError: `CONCURRENT_CHANGE` if boundaries keep passing under it.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await attempt()
        except RenewalDueError as due:
            await renewals.catch_up(due.subscription_id, now=due.now)
    raise TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request.")
