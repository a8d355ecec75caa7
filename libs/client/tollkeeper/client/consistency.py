"""Read your writes: the tokens that writes returned, carried by later questions about the same customers."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tollkeeper.client.life import on_fork
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

# The contract's: a question carries so many.
MAX_TOKENS: Final = 16
# Customers whose tokens are remembered, least recently written first out: a few megabytes.
MAX_CUSTOMERS: Final = 10_000

# Kinds of writes. Of usage revisions grow over all features and customers, of grants and revocations over those of a customer.
USAGE: Final = "usage"
GRANTS: Final = "grants"


@dataclass(frozen=True, slots=True)
class Consistency:
    """How fresh an answer must be.

    Attributes:
        tokens: It must include the writes that these name, at most 16.
        current: It must include everything acknowledged before the call: read from the owners, slower.
    """

    tokens: tuple[str, ...] = ()
    current: bool = False


# What the replica that answers knows, without waiting: not even one's own writes.
FASTEST: Final = Consistency()
CURRENT: Final = Consistency(current=True)


def consistency_to_proto(consistency: Consistency) -> pb.Consistency:
    """As a request says it."""
    if consistency.current:
        return pb.Consistency(current=True)
    if consistency.tokens:
        return pb.Consistency(at_least_as_fresh=pb.AtLeastAsFresh(tokens=consistency.tokens))
    return pb.Consistency()


class Write:
    """A write that has begun, and the tokens of the customers that were known then."""

    def __init__(self, memory: "Tokens", kind: str, before: Mapping[str, tuple[str, ...]]) -> None:
        self._memory = memory
        self._kind = kind
        self._before = before

    def done(self, token: str) -> None:
        """Remembers its token in place of those that it began after."""
        if token:
            self._memory.replace(self._kind, self._before, token)


class Tokens:
    """Remembers tokens, bounded, for many threads.

    Of one kind of write a later token speaks for the earlier ones: revisions grow, so that what includes a write includes all that
    were acknowledged before it began. Writes that ran side by side have no order, and both tokens stay.
    """

    def __init__(self) -> None:
        # By customer: (kind, token), the oldest first.
        self._tokens: OrderedDict[str, tuple[tuple[str, str], ...]] = OrderedDict()
        self._lock = threading.Lock()
        on_fork(self)

    def of(self, customer_id: str) -> tuple[str, ...]:
        """What a question about the customer carries."""
        return tuple(token for _, token in self._tokens.get(customer_id, ()))

    def begin(self, kind: str, customer_ids: Iterable[str]) -> Write:
        """Notes that a write begins."""
        before = {
            customer_id: tuple(token for of, token in self._tokens.get(customer_id, ()) if of == kind)
            for customer_id in customer_ids
        }
        return Write(self, kind, before)

    def remember(self, customer_id: str, token: str) -> None:
        """Remembers a token that came another way, such as from a call to billing."""
        self.replace(token, {customer_id: (token,)}, token)

    def after_fork(self) -> None:
        """Makes a new lock: another thread may have held it when the process forked."""
        self._lock = threading.Lock()

    def replace(self, kind: str, before: Mapping[str, tuple[str, ...]], token: str) -> None:
        """Remembers a token in place of those that were known before, by customer."""
        with self._lock:
            for customer_id, overtaken in before.items():
                kept = (entry for entry in self._tokens.get(customer_id, ()) if entry[1] not in overtaken)
                self._tokens[customer_id] = (*kept, (kind, token))[-MAX_TOKENS:]
                self._tokens.move_to_end(customer_id)
            while len(self._tokens) > MAX_CUSTOMERS:
                self._tokens.popitem(last=False)
