"""The customers of a projection, bounded, and what the stream tells of them."""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tollkeeper.client.projection.held import Held, Session, freshness_of, newer
from tollkeeper.client.projection.state import changed, state_from_proto
from tollkeeper.client.projection.wanted import Wanted
from tollkeeper.client.wire import time_of
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1 import watched_entitlement_pb2

# The contract's ids: nobody has another name.
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@|:-]{0,127}")


def is_id(name: str) -> bool:
    """Whether a customer can have this id."""
    return _ID.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Change:
    """What a message changed.

    Attributes:
        feature_ids: Those that it told of anew, or removed.
    """

    customer_id: str
    feature_ids: tuple[str, ...]


class Memory:
    """Customers, the least recently used first out. Whoever uses it holds the lock."""

    def __init__(self, max_customers: int, lock: threading.RLock) -> None:
        self._max_customers = max_customers
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._begin(lock)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, customer_id: str) -> Held | None:
        """The customer, if it is held."""
        return self._held.get(customer_id)

    def use(self, customer_id: str) -> Held:
        """The customer; one that was not held is asked for, in place of the least recently used where there is no room."""
        held = self._held.get(customer_id)
        if held is None:
            if len(self._held) >= self._max_customers:
                oldest, _ = self._held.popitem(last=False)
                self._wanted.remove(oldest)
            held = self._held[customer_id] = Held(customer_id)
            self._wanted.add(customer_id)
        self._held.move_to_end(customer_id)
        return held

    def are_known(self, customer_ids: Iterable[str]) -> bool:
        """Whether there is a state of each."""
        found = (self._held.get(customer_id) for customer_id in customer_ids)
        return all(held is not None and held.state is not None for held in found)

    def begin_in_child(self, lock: threading.RLock) -> None:
        """What is known stays; no stream tells of it until one is opened."""
        self._begin(lock)

    def open(self) -> Session:
        """A new stream begins, and is asked for everything."""
        self._session = Session()
        self._wanted.restart(self._held)
        return self._session

    def next_request(self, session: Session, *, seconds: float) -> pb.WatchEntitlementsRequest | None:
        """What is to be asked of the stream next; None if there is nothing within so many seconds, or the stream is not the newest."""
        self._wanted.wait(seconds)
        return self._wanted.take(self._version) if session is self._session else None

    def take(self, told: pb.WatchEntitlementsResponse, *, at: datetime) -> Change | None:
        """Takes a message that came at this time; gives what it changed of a customer, None where it only tells of freshness."""
        match told.WhichOneof("update"):
            case "customer":
                return self._take_state(told.customer, at)
            case "changes":
                return self._take_changes(told.changes, at)
            case "heartbeat":
                told_now = freshness_of(time_of(told.heartbeat, "as_of"), at=at)
                self._session.freshness = newer(self._session.freshness, told_now)
            case "failure" if (held := self._held.get(told.failure.customer_id)) is not None:
                held.doubt()
            case _:
                pass
        return None

    def _take_state(self, told: watched_entitlement_pb2.CustomerEntitlements, at: datetime) -> Change | None:
        held = self._held.get(told.customer_id)
        if held is None:
            return None
        before = () if held.state is None else held.state.entitlements
        state = state_from_proto(told)
        held.take(state, self._session, at=at)
        return Change(told.customer_id, tuple(dict.fromkeys((*before, *state.entitlements))))

    def _take_changes(self, told: watched_entitlement_pb2.EntitlementChanges, at: datetime) -> Change | None:
        held = self._held.get(told.customer_id)
        if held is None or held.state is None:
            # It was forgotten and is asked for again: its whole state is on the way.
            return None
        held.take(changed(held.state, told), self._session, at=at)
        return Change(told.customer_id, _named(told))

    def _version(self, customer_id: str) -> str:
        held = self._held.get(customer_id)
        return "" if held is None or held.state is None else held.state.version

    def _begin(self, lock: threading.RLock) -> None:
        self._wanted = Wanted(lock)
        self._session = Session()


def _named(told: watched_entitlement_pb2.EntitlementChanges) -> tuple[str, ...]:
    return (*(entitlement.feature_id for entitlement in told.entitlements), *told.removed_feature_ids)
