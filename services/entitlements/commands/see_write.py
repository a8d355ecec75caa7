"""Makes the next check see a write in the periods of the customer's other entitlements too, where they differ."""

import structlog

from entitlements.commands.load_customer import LoadCustomer
from entitlements.domain.entry import Entry
from entitlements.domain.usage import Window
from kernel.clock import Clock
from kernel.errors import TollkeeperError

log = structlog.get_logger()


async def see_write(entry: Entry, window: Window, *, load: LoadCustomer, clock: Clock) -> None:
    """Reads what is not known to include the write that metering answered with the window."""
    feature = entry.features.get(window.feature_id)
    if feature is None or len(feature.entitlements) == 1:
        # It counts in one recurrence only, whose window metering has told.
        return
    now = entry.now(clock.now())
    if not entry.is_behind([window.revision], feature_id=window.feature_id, now=now):
        return
    try:
        await load.usage(entry.customer_id, [window.revision], feature_ids=[window.feature_id])
    except TollkeeperError as error:
        # It is written, and the token names it; without the token checks see it with metering's next frame.
        log.warning("write_not_seen_yet", error=repr(error))
