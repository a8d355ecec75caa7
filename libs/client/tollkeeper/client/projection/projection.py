"""The projection: what customers may do and have used, in this process, so that a check costs a microsecond and no call."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import TracebackType
from typing import Final, Self

import grpc

from tollkeeper.client.calling import Retries
from tollkeeper.client.channel import Address, Channels
from tollkeeper.client.decision import Decision
from tollkeeper.client.life import at_exit, on_fork
from tollkeeper.client.own_usage import OwnUsage
from tollkeeper.client.projection.deciding import Question, decide, nobody
from tollkeeper.client.projection.fallback import Fallback
from tollkeeper.client.projection.held import Session, utc
from tollkeeper.client.projection.memory import Memory, is_id
from tollkeeper.client.projection.watch import Watch
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

log = logging.getLogger("tollkeeper.client")

# The contract's: one stream watches so many.
MAX_CUSTOMERS: Final = 10_000
# An answer is given again for at most so long: then its freshness, and that the customer is in use, are looked at anew.
_ANSWER_SECONDS: Final = 1.0
_NO_VALUES: Final[tuple[str, ...]] = ()
_ONE: Final = Decimal(1)

OnChange = Callable[[str, Sequence[str]], None]
OnConnection = Callable[[bool], None]


class EntitlementsProjection:
    """Checks without any call, fed by a stream.

    A customer is watched from the first check of it on, or from `watch`; the least recently used go first. Until its first state
    arrives, and where that got older than the feature's `Fallback` allows, the fallback answers. Usage periods and entitlements
    end by this machine's clock, also while the service is away. Any thread and any event loop may check: a check never waits.

    The thread that reads the stream starts with the first use: until then a process may fork freely, and a child of a later fork
    begins with what its parent knew.
    """

    def __init__(
        self,
        address: Address = "127.0.0.1:7403",
        *,
        customer_ids: Iterable[str] = (),
        fallback: Fallback | None = None,
        fallbacks: Mapping[str, Fallback] | None = None,
        max_customers: int = MAX_CUSTOMERS,
        on_change: OnChange | None = None,
        on_connection: OnConnection | None = None,
        retries: Retries | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A projection; it connects with its first use.

        Args:
            address: Of the entitlements service: "host:port", or several IP addresses with ports.
            customer_ids: Customers to watch from the first use on.
            fallback: The policy for features without one of their own; unless said: what was known up to five minutes ago, then refused.
            fallbacks: Policies by feature.
            max_customers: How many customers are held: 1–10,000.
            on_change: Called with a customer and its features of which something new was told, from the projection's thread.
            on_connection: Called with whether the stream lives when that changes, and after each further attempt that failed, from the
                projection's thread.
            retries: How long to pause after a lost stream; it is opened again without end.
            credentials: Without them the connection is not encrypted.
            clock: What time it is, in seconds since 1970.

        Raises:
            ValueError: `max_customers` is not from 1 to 10,000.
        """
        if not 1 <= max_customers <= MAX_CUSTOMERS:
            raise ValueError(f"a projection holds 1 to {MAX_CUSTOMERS:,} customers, not {max_customers:,}")
        self._channels = Channels({"entitlements": address}, credentials=credentials, asynchronous=False)
        self._fallback = fallback or Fallback()
        self._fallbacks = dict(fallbacks or {})
        self._on_change = on_change
        self._on_connection = on_connection
        # Found again within a second, however long it was away.
        self._retries = retries or Retries(greatest_pause=0.6)
        self._clock = clock
        # By customer and feature: until when the answer to a bare check holds, and the answer.
        self._answers: dict[str, dict[str, tuple[float, Decision]]] = {}
        self._lock = threading.RLock()
        self._told = threading.Condition(self._lock)
        self._memory = Memory(max_customers, self._lock)
        self._watch: Watch | None = None
        self._connected = False
        self._closed = False
        with self._lock:
            for customer_id in filter(is_id, customer_ids):
                self._memory.use(customer_id)
        on_fork(self)
        at_exit(self)

    def check(
        self,
        customer_id: str,
        feature_id: str,
        *,
        requested_usage: Decimal | int | None = None,
        requested_values: Sequence[str] = _NO_VALUES,
    ) -> Decision:
        """Whether the customer may use the feature: so much more of it (1 unless said), or all of these values.

        The decision's `as_of` says how fresh it is, and `is_fallback` whether it is the fallback's.

        Raises:
            TypeError: `requested_usage` is no `Decimal` or `int`.
            ValueError: It is below zero, or not finite.
        """
        if requested_usage is None and not requested_values:
            answers = self._answers.get(customer_id)
            if answers is not None:
                found = answers.get(feature_id)
                if found is not None and self._clock() < found[0]:
                    return found[1]
        return self._decide(customer_id, feature_id, requested_usage, requested_values)

    def watch(self, *customer_ids: str, timeout: float = 0.0) -> bool:
        """Watches these customers; whether something is known of each, waiting for it at most so many seconds."""
        with self._lock:
            named = [self._memory.use(customer_id).customer_id for customer_id in customer_ids if is_id(customer_id)]
            self._keep_watching()
            return self._told.wait_for(lambda: self._memory.are_known(named), timeout)

    async def watch_async(self, *customer_ids: str, timeout: float) -> bool:
        """`watch` for `asyncio`: while it waits, other tasks go on."""
        return await asyncio.to_thread(self.watch, *customer_ids, timeout=timeout)

    def age(self, customer_id: str) -> timedelta | None:
        """How old what is known of a customer is, by this machine's clock; None: nothing is known."""
        with self._lock:
            held = self._memory.get(customer_id)
            freshness = None if held is None else held.freshness
            return None if freshness is None else max(utc(self._clock()) - freshness.known, timedelta(0))

    @property
    def connected(self) -> bool:
        """Whether the stream lives."""
        return self._connected

    @property
    def customer_count(self) -> int:
        """How many customers are held."""
        return len(self._memory)

    def tell(self, usage: OwnUsage) -> None:
        """Takes over what the answer to an own report told, so that the next check sees it; `Tollkeeper.projection` calls it."""
        with self._lock:
            held = self._memory.get(usage.customer_id)
            if held is not None:
                held.own[usage.feature_id] = (usage, utc(self._clock()))
                self._answers.pop(usage.customer_id, None)

    def close(self) -> None:
        """Ends the stream; what is known goes on deciding, and grows old."""
        with self._lock:
            self._closed, watch, self._watch = True, self._watch, None
        if watch is not None:
            watch.close()
            self._note_connection(alive=False)
        for channel in self._channels.take():
            channel.close()

    def __enter__(self) -> Self:
        self.watch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _decide(
        self, customer_id: str, feature_id: str, requested: Decimal | int | None, values: Sequence[str]
    ) -> Decision:
        wanted = _ONE if requested is None else _quantity(requested)
        if not is_id(customer_id):
            # One wrong name would end the stream of all.
            return nobody(customer_id, feature_id)
        seconds = self._clock()
        now, policy = utc(seconds), self._fallbacks.get(feature_id, self._fallback)
        with self._lock:
            self._keep_watching()
            held = self._memory.use(customer_id)
            state, freshness = held.seen(now), held.freshness
            if state is None:
                return policy.not_known(customer_id, feature_id)
            as_of = None if freshness is None else freshness.as_of
            too_old = policy.until(freshness)
            if too_old is not None and now >= too_old:
                return replace(policy.too_old(customer_id, feature_id), as_of=as_of)
            decision = decide(state, Question(feature_id, wanted, values, now, as_of))
            # Of features that the customer has not, there is no end of names to remember answers for.
            if requested is None and not values and feature_id in state.entitlements:
                ends = [end.timestamp() for end in (too_old, state.next_boundary(now)) if end is not None]
                until = min([seconds + _ANSWER_SECONDS, *ends])
                self._answers.setdefault(customer_id, {})[feature_id] = (until, decision)
            return decision

    def _keep_watching(self) -> None:
        if self._watch is None and not self._closed:
            self._watch = Watch(self._channels, self, retries=self._retries)

    def _note_connection(self, *, alive: bool) -> None:
        if self._connected != alive or not alive:
            self._connected = alive
            _call(self._on_connection, alive)

    def after_fork(self) -> None:
        """Begins anew in a child: another thread may have held the lock, and none reads the stream."""
        self._lock = threading.RLock()
        self._told = threading.Condition(self._lock)
        self._memory.begin_in_child(self._lock)
        self._answers = {}
        self._watch = None
        self._connected = False

    # What the watch calls, from its threads.

    def open(self) -> Session:
        """A new stream begins."""
        with self._lock:
            return self._memory.open()

    def next_request(self, session: Session, *, seconds: float) -> pb.WatchEntitlementsRequest | None:
        """What is to be asked next."""
        with self._lock:
            return self._memory.next_request(session, seconds=seconds)

    def take(self, told: pb.WatchEntitlementsResponse) -> None:
        """Takes one message."""
        with self._lock:
            change = self._memory.take(told, at=utc(self._clock()))
            if change is None:
                # All may be fresher, or one is doubted: every answer is made anew.
                self._answers = {}
            else:
                self._answers.pop(change.customer_id, None)
                self._told.notify_all()
        self._note_connection(alive=True)
        if change is not None and change.feature_ids:
            _call(self._on_change, change.customer_id, change.feature_ids)

    def lost(self) -> None:
        """The stream ended."""
        self._note_connection(alive=False)


def _quantity(requested: Decimal | int) -> Decimal:
    if isinstance(requested, bool) or not isinstance(requested, (Decimal, int)):
        raise TypeError(f"a quantity is a Decimal or an int, not {requested!r}")
    quantity = Decimal(requested)
    if not quantity.is_finite() or quantity < 0:
        raise ValueError(f"a requested usage is a number of at least 0, not {requested}")
    return quantity


def _call(listener: Callable[..., None] | None, *told: object) -> None:
    if listener is None:
        return
    try:
        listener(*told)
    except Exception:
        # The stream must outlive whatever its listeners do.
        log.exception("a listener of the projection failed")
