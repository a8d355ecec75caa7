"""The subscription of a command, with its customer and their present."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.boundaries_first import check_up_to_date
from billing.commands.customer_time import present
from billing.domain.customer import Customer
from billing.domain.subscription import Subscription, subscription_not_found
from billing.store import subscriptions
from kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Loaded:
    """A subscription that is up to date, whose it is, and what time it is for it."""

    subscription: Subscription
    customer: Customer
    now: datetime


async def load_subscription(connection: AsyncConnection, subscription_id: str, *, clock: Clock, lock: bool) -> Loaded:
    """The subscription; with `lock` it, its customer and their clock stay until the transaction's end.

    Raises:
        TollkeeperError: `SUBSCRIPTION_NOT_FOUND`; `TEST_CLOCK_ADVANCING`.
        BoundaryDueError: A boundary goes first; caught by `boundaries_first`.
    """
    subscription = await subscriptions.get(connection, subscription_id)
    if subscription is None:
        raise subscription_not_found(subscription_id)
    here = await present(connection, subscription.customer_id, clock=clock, lock=lock)
    if lock:
        # Read again: what was read before the lock may have changed.
        [subscription] = await subscriptions.get_many(connection, [subscription_id], lock=True)
    check_up_to_date(subscription, here.now)
    return Loaded(subscription, here.customer, here.now)
