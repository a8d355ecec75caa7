"""Which customers the stream is to be asked for, and which it may forget: the newest wish of each."""

import threading
from collections.abc import Callable, Iterable
from typing import Final

from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

# The contract's: customers added, and removed, by one message.
MAX_CUSTOMERS_A_MESSAGE: Final = 1_000


class Wanted:
    """Wishes that were not sent yet. Whoever uses it holds the lock."""

    def __init__(self, lock: threading.RLock) -> None:
        self._wishes: dict[str, bool] = {}
        self._changed = threading.Condition(lock)

    def add(self, customer_id: str) -> None:
        """The customer is to be watched."""
        self._wish(customer_id, wanted=True)

    def remove(self, customer_id: str) -> None:
        """The customer is to be watched no longer."""
        self._wish(customer_id, wanted=False)

    def restart(self, customer_ids: Iterable[str]) -> None:
        """A new stream knows of none: these are to be watched."""
        self._wishes = dict.fromkeys(customer_ids, True)
        self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Returns as soon as there is a wish, after so many seconds at the latest."""
        self._changed.wait_for(lambda: self._wishes, seconds)

    def take(self, version: Callable[[str], str]) -> pb.WatchEntitlementsRequest | None:
        """The next message, and so many wishes fewer; None: there are none.

        Args:
            version: Of the state of a customer that is known; empty: none.
        """
        if not self._wishes:
            return None
        request = pb.WatchEntitlementsRequest()
        for customer_id in list(self._wishes)[:MAX_CUSTOMERS_A_MESSAGE]:
            if self._wishes.pop(customer_id):
                request.add.add(customer_id=customer_id, known_version=version(customer_id))
            else:
                request.remove_customer_ids.append(customer_id)
        return request

    def _wish(self, customer_id: str, *, wanted: bool) -> None:
        # The newest wish goes to the end: who was removed to make room is removed before the next one is added.
        self._wishes.pop(customer_id, None)
        self._wishes[customer_id] = wanted
        self._changed.notify_all()
