"""Finds a customer; its owner is asked before anybody is told that there is none."""

from typing import Final

from entitlements.commands.fresh_entry import FreshEntry
from entitlements.domain.entry import Entry
from entitlements.domain.request import Freshness
from kernel.errors import not_found

_CURRENT: Final = Freshness(current=True)


class FindCustomer:
    """Finds customers for what is written here."""

    def __init__(self, fresh: FreshEntry) -> None:
        self._fresh = fresh

    async def __call__(self, customer_id: str) -> Entry:
        """The customer's entry; of one who lives by a test clock with the clock's newest time.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`; `DEPENDENCY_UNAVAILABLE`: billing cannot be asked what is not known here.
        """
        entry = await self._fresh(customer_id, None, feature_id=None)
        if entry.customer is None or entry.clock is not None:
            entry = await self._fresh(customer_id, _CURRENT, feature_id=None)
        if entry.customer is None:
            message = f"No customer has the id {customer_id}. Create it in billing first."
            raise not_found("CUSTOMER_NOT_FOUND", message, customer_id=customer_id)
        return entry
