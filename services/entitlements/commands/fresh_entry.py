"""The entry that an answer is decided from, at least as fresh as the caller asks: never older, else `UNAVAILABLE`."""

from collections import OrderedDict
from typing import Final

from entitlements.clients.billing import BillingClient
from entitlements.commands.apply_subscription import ApplySubscription
from entitlements.commands.apply_test_clock import ApplyTestClock
from entitlements.commands.load_customer import LoadCustomer
from entitlements.commands.shared_runs import SharedRuns
from entitlements.domain.entry import Entry
from entitlements.domain.memory import Memory
from entitlements.domain.request import Freshness
from entitlements.store import subscriptions
from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError
from kernel.token import FactKind
from kit.db import Database

# Whose subscription is whose never changes: remembered for so many, so that a token that travels on with every call costs
# one question. A subscription's id and its customer's take about 300 bytes.
MAX_OWNERS: Final = 10_000
# How often usage is read for one answer: again only where a usage period ended meanwhile, and none is that short.
MAX_READS: Final = 3


class FreshEntry:
    """Gives entries that are fresh enough."""

    def __init__(
        self,
        memory: Memory,
        load: LoadCustomer,
        *,
        database: Database,
        billing: BillingClient,
        apply_subscription: ApplySubscription,
        apply_test_clock: ApplyTestClock,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._load = load
        self._database = database
        self._billing = billing
        self._apply_subscription = apply_subscription
        self._apply_test_clock = apply_test_clock
        self._clock = clock
        self._readings: SharedRuns[None] = SharedRuns()
        self._owners: OrderedDict[str, str] = OrderedDict()

    async def close(self) -> None:
        """Ends what is being read."""
        await self._readings.close()

    async def __call__(self, customer_id: str, freshness: Freshness | None, *, feature_id: str | None) -> Entry:
        """The customer's entry.

        Args:
            customer_id: The customer.
            freshness: None: what this replica knows; waits only for a customer that is not held.
            feature_id: The feature whose usage must be as fresh; None: every feature's.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: an owner cannot be read in the caller's time.
        """
        if freshness is not None and freshness.current:
            entry = await self._load.current(customer_id)
            return await self._with_usage(entry, frozenset(), feature_id=feature_id)
        entry = self._memory.get(customer_id) or await self._load.once(customer_id)
        if freshness is None:
            return entry
        facts = freshness.facts or {}
        entry = await self._with_customer(entry, facts.get((FactKind.CUSTOMER, customer_id), 0))
        entry = await self._with_grants(entry, facts.get((FactKind.GRANTS, customer_id), 0))
        for (kind, thing_id), revision in facts.items():
            if kind is FactKind.SUBSCRIPTION:
                entry = await self._with_subscription(entry, thing_id, revision)
        for (kind, thing_id), revision in facts.items():
            if kind is FactKind.TEST_CLOCK:
                await self._with_test_clock(entry, thing_id, revision)
        return await self._with_usage(entry, freshness.usage, feature_id=feature_id)

    async def _with_customer(self, entry: Entry, revision: int) -> Entry:
        if revision == 0 or _knows_customer(entry, revision):
            return entry
        entry = await self._load.again(entry.customer_id)
        if not _knows_customer(entry, revision):
            entry = await self._load.again(entry.customer_id, owner=True)
        if not _knows_customer(entry, revision):
            raise _not_there()
        return entry

    async def _with_grants(self, entry: Entry, revision: int) -> Entry:
        # Grants and revocations are our own: what any replica wrote stands in the database of all.
        if entry.revision < revision:
            entry = await self._load.again(entry.customer_id)
        if entry.revision < revision:
            raise _not_there()
        return entry

    async def _with_subscription(self, entry: Entry, subscription_id: str, revision: int) -> Entry:
        if entry.knows_subscription(subscription_id, revision):
            return entry
        if self._owners.get(subscription_id, entry.customer_id) != entry.customer_id:
            return entry
        stored = await self._stored_subscription(subscription_id)
        if stored is None or (stored[1] < revision and stored[0] == entry.customer_id):
            await self._readings.fresh(
                f"subscription:{subscription_id}", lambda: self._ask_subscription(subscription_id)
            )
            stored = await self._stored_subscription(subscription_id)
        if stored is None:
            raise _not_there()
        owner, known = stored
        self._owners[subscription_id] = owner
        if len(self._owners) > MAX_OWNERS:
            self._owners.popitem(last=False)
        if owner != entry.customer_id:
            return entry
        if known < revision:
            raise _not_there()
        entry = await self._load.again(entry.customer_id)
        entry.note_subscription(subscription_id, known)
        return entry

    async def _stored_subscription(self, subscription_id: str) -> tuple[str, int] | None:
        async with self._database.read() as connection:
            stored = await subscriptions.get(connection, subscription_id)
        return None if stored is None else (stored.customer_id, stored.revision)

    async def _ask_subscription(self, subscription_id: str) -> None:
        subscription = await self._billing.get_subscription(subscription_id)
        if subscription is not None:
            await self._apply_subscription(subscription)

    async def _with_test_clock(self, entry: Entry, clock_id: str, revision: int) -> None:
        held = entry.clock
        if held is None or held.id != clock_id or held.revision >= revision:
            return
        await self._readings.fresh(f"test_clock:{clock_id}", lambda: self._ask_test_clock(clock_id))
        if held.revision < revision:
            raise _not_there()

    async def _ask_test_clock(self, clock_id: str) -> None:
        clock = await self._billing.get_test_clock(clock_id)
        if clock is not None:
            await self._apply_test_clock(clock)
            self._memory.clock(clock)

    async def _with_usage(self, entry: Entry, revisions: frozenset[int], *, feature_id: str | None) -> Entry:
        # A second time where a usage period ended while the first was read.
        for _ in range(MAX_READS):
            if not entry.is_behind(revisions, feature_id=feature_id, now=entry.now(self._clock.now())):
                return entry
            feature_ids = list(entry.features) if feature_id is None else [feature_id]
            entry = await self._load.usage(entry.customer_id, revisions, feature_ids=feature_ids)
        return entry


def _knows_customer(entry: Entry, revision: int) -> bool:
    return entry.customer is not None and entry.customer.revision >= revision


def _not_there() -> TollkeeperError:
    message = "A write that a token names cannot be read from its owner yet. Retry with backoff."
    return TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message)
