"""The customer of a command, and what time it is for it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.customer import Customer, customer_not_found
from billing.domain.test_clock import ClockState, advancing, clock_not_found
from billing.store import customers, test_clocks
from kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Present:
    """A customer and its present: its test clock's time, or real time."""

    customer: Customer
    now: datetime


async def present(connection: AsyncConnection, customer_id: str, *, clock: Clock, lock: bool) -> Present:
    """The customer and its present; with `lock` neither moves until the transaction's end.

    Raises:
        TollkeeperError: `CUSTOMER_NOT_FOUND`; `TEST_CLOCK_ADVANCING`.
    """
    customer = await customers.get(connection, customer_id)
    if customer is None:
        raise customer_not_found(customer_id)
    time = await clock_time(connection, customer.test_clock_id, lock=lock)
    if lock:
        # Read again: what was read before the lock may have changed.
        [customer] = await customers.get_many(connection, [customer_id], lock=True)
    return Present(customer, time or clock.now())


async def clock_time(connection: AsyncConnection, test_clock_id: str | None, *, lock: bool) -> datetime | None:
    """Where the test clock stands, with `lock` until the transaction's end; None for real time.

    Raises:
        TollkeeperError: `TEST_CLOCK_NOT_FOUND`; `TEST_CLOCK_ADVANCING`.
    """
    if test_clock_id is None:
        return None
    hold_or_get = test_clocks.hold if lock else test_clocks.get
    found = await hold_or_get(connection, test_clock_id)
    if found is None:
        # Of a customer that is there, the clock is there: only one that is created can name another.
        raise clock_not_found(test_clock_id, "customer.test_clock_id")
    if found.state is ClockState.ADVANCING:
        raise advancing(found)
    return found.time
