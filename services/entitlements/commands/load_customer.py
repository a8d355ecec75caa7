"""Brings a customer into memory, or its entry up to now: control state from the own database or its owner, then usage.

Loads of one customer run one after another, and every reading begins with what is wanted of it by then: so an older state
never replaces a newer one, and who asks for what was written before the call gets it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from entitlements.clients.billing import BillingClient
from entitlements.clients.catalog import CatalogClient
from entitlements.clients.metering import Lookup, MeteringClient
from entitlements.clients.refusals import unwell
from entitlements.commands.apply_customer import ApplyCustomer
from entitlements.commands.apply_plan import ApplyPlan
from entitlements.commands.apply_subscription import ApplySubscription
from entitlements.commands.apply_test_clock import ApplyTestClock
from entitlements.commands.gathered_reads import GatheredReads
from entitlements.commands.shared_runs import SharedRuns
from entitlements.domain.control import Control, Offers
from entitlements.domain.entry import Entry
from entitlements.domain.held import HeldFeature
from entitlements.domain.memory import Memory
from entitlements.domain.usage import HeldTracker, HeldWindow, Window
from entitlements.store.control import ControlStore, Known
from kernel.clock import Clock


@dataclass(slots=True)
class _Wanted:
    """What the next load of a customer must see.

    Attributes:
        control: Everything but usage, as the own database has it.
        owner: The same, as billing has it.
        plans: What is carried to its plans, as the catalog has it.
        offers: What its plans grant now, where nothing else of its control state changed.
        windows: Everything that metering acknowledged before, in every window.
        usage: Metering revisions that somebody knows to be acknowledged, to be seen in the windows of `features`.
    """

    control: bool = False
    owner: bool = False
    plans: bool = False
    offers: Offers | None = None
    windows: bool = False
    usage: set[int] = field(default_factory=set)
    features: set[str] = field(default_factory=set)


class LoadCustomer:
    """Loads customers, each by one run at a time."""

    def __init__(
        self,
        memory: Memory,
        control: ControlStore,
        *,
        billing: BillingClient,
        metering: MeteringClient,
        catalog: CatalogClient,
        apply_customer: ApplyCustomer,
        apply_plan: ApplyPlan,
        apply_subscription: ApplySubscription,
        apply_test_clock: ApplyTestClock,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._control = control
        self._known = GatheredReads(self._read_known)
        self._windows = GatheredReads(self._read_windows)
        self._billing = billing
        self._metering = metering
        self._catalog = catalog
        self._apply_customer = apply_customer
        self._apply_plan = apply_plan
        self._apply_subscription = apply_subscription
        self._apply_test_clock = apply_test_clock
        self._clock = clock
        self._runs: SharedRuns[Entry] = SharedRuns()
        self._wanted: dict[str, _Wanted] = {}

    async def close(self) -> None:
        """Ends what is being loaded."""
        await self._runs.close()
        await self._known.close()
        await self._windows.close()

    async def once(self, customer_id: str) -> Entry:
        """The customer's entry, loaded by the run that is under way if there is one.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: something that is not known yet cannot be read in the caller's time.
        """
        return await self._runs.joined(customer_id, lambda: self._load(customer_id))

    async def again(self, customer_id: str, *, owner: bool = False) -> Entry:
        """The customer's entry, its control state and what was never read of its usage read by a run that begins now.

        Args:
            customer_id: The customer.
            owner: Ask billing for everything, instead of the own database.

        Raises:
            TollkeeperError: As `once` does.
        """
        wanted = self._wanted.setdefault(customer_id, _Wanted())
        wanted.control = True
        wanted.owner |= owner
        return await self._runs.fresh(customer_id, lambda: self._load(customer_id))

    async def current(self, customer_id: str) -> Entry:
        """The customer's entry, everything read from its owners by a run that begins now; raises as `once` does."""
        wanted = self._wanted.setdefault(customer_id, _Wanted())
        wanted.control = wanted.owner = wanted.plans = wanted.windows = True
        return await self._runs.fresh(customer_id, lambda: self._load(customer_id))

    async def resolve(self, customer_id: str, offers: Offers) -> Entry:
        """The customer's entry, resolved from what its plans grant now, without reading its control state; raises as `once` does."""
        wanted = self._wanted.setdefault(customer_id, _Wanted())
        wanted.offers = offers
        return await self._runs.fresh(customer_id, lambda: self._load(customer_id))

    async def usage(self, customer_id: str, revisions: Iterable[int], *, feature_ids: Iterable[str]) -> Entry:
        """The customer's entry, with these changes in the features' usage, as far as they concern it.

        Raises:
            TollkeeperError: As `once` does.
        """
        wanted = self._wanted.setdefault(customer_id, _Wanted())
        wanted.usage.update(revisions)
        wanted.features.update(feature_ids)
        return await self._runs.fresh(customer_id, lambda: self._load(customer_id))

    async def _load(self, customer_id: str) -> Entry:
        wanted = self._wanted.pop(customer_id, _Wanted())
        entry = self._memory.hold(customer_id)
        resolves = entry.ready and not wanted.control and wanted.offers is not None
        if not entry.ready or wanted.control or (resolves and not await self._resolve(entry, wanted)):
            while not await self._load_all(entry, wanted):
                wanted = _Wanted(control=True)
            return entry
        await self._read_usage(entry, wanted)
        return entry

    async def _resolve(self, entry: Entry, wanted: _Wanted) -> bool:
        """Whether nothing but what the plans carry had changed by then."""
        control = None if wanted.offers is None else entry.resolved_from(wanted.offers)
        if control is None:
            return False
        try:
            await self._install(entry, control, wanted)
        except BaseException:
            entry.abandon()
            raise
        return True

    async def _load_all(self, entry: Entry, wanted: _Wanted) -> bool:
        """Whether nothing that plans carry changed meanwhile: else it may have been read from before that."""
        covered, changes, plan_changes = self._memory.control.coverage, entry.changes, self._memory.plan_changes
        try:
            control = await self._read_control(entry, wanted)
            if control is None:
                entry.install_unknown()
            else:
                await self._install(entry, control, wanted)
        except BaseException:
            entry.abandon()
            if not entry.ready:
                self._memory.forget(entry.customer_id)
            raise
        entry.note_control(changes, covered=covered)
        if plan_changes != self._memory.plan_changes:
            entry.note_change(covered)
            return False
        return True

    async def _read_usage(self, entry: Entry, wanted: _Wanted) -> None:
        began = self._clock.now()
        now = entry.now(began)
        trackers = {id(tracker): tracker for feature_id in wanted.features for tracker in entry.trackers(feature_id)}
        behind = [each for each in _windows(trackers.values(), now) if not each[1].includes(wanted.usage)]
        await self._read(behind, now, began=began, usage=wanted.usage)
        entry.tell()

    async def _read_control(self, entry: Entry, wanted: _Wanted) -> Control | None:
        customer_id = entry.customer_id
        known = None if wanted.owner else await self._known(customer_id)
        if known is not None and known.complete:
            return known.control
        began = self._clock.now()
        if await self._ask_owner(customer_id, plans=wanted.plans):
            known = await self._known(customer_id)
        entry.owner_time = began
        return None if known is None else known.control

    async def _ask_owner(self, customer_id: str, *, plans: bool) -> bool:
        """Stores everything that billing knows of the customer, and with `plans` what the catalog carries; whether billing knows it."""
        customer = await self._billing.get_customer(customer_id)
        if customer is None:
            return False
        if customer.test_clock_id:
            clock = await self._billing.get_test_clock(customer.test_clock_id)
            if clock is None:
                # Real time would be a guess, and wrong for ever.
                raise unwell()
            await self._apply_test_clock(clock)
        held = await self._billing.list_subscriptions(customer_id)
        for subscription in held:
            await self._apply_subscription(subscription)
        living = [subscription for subscription in held if plans and subscription.end_time is None]
        for plan_id in sorted({plan_id for subscription in living for plan_id, _ in subscription.plan_keys}):
            if (carried := await self._catalog.get_plan(plan_id)) is not None:
                await self._apply_plan(carried)
        await self._apply_customer(customer, complete=True)
        return True

    async def _install(self, entry: Entry, control: Control, wanted: _Wanted) -> None:
        began, gaps = self._clock.now(), self._memory.watch.gaps
        clock = None if control.clock is None else self._memory.clock(control.clock)
        now = max(filter(None, [began if clock is None else clock.time, control.reached]))
        holdings = entry.prepare(control)
        trackers = _trackers(holdings.features)
        everything = wanted.windows or entry.read_time is None or entry.gaps != gaps
        windows = _windows(trackers, now)
        reading = windows if everything else [each for each in windows if not each[1].includes(wanted.usage)]
        await self._read(reading, now, began=began, usage=wanted.usage)
        entry.install(control, holdings, clock=clock)
        if everything:
            entry.note_read(began, gaps)

    async def _read_known(self, customer_ids: Sequence[str]) -> Sequence[Known | None]:
        known = await self._control(customer_ids)
        return [known.get(customer_id) for customer_id in customer_ids]

    async def _read_windows(self, lookups: Sequence[Sequence[Lookup]]) -> Sequence[Sequence[Window]]:
        windows = iter(await self._metering.get_windows([lookup for some in lookups for lookup in some]))
        return [list(islice(windows, len(some))) for some in lookups]

    async def _read(
        self, reading: list[tuple[HeldTracker, HeldWindow]], now: datetime, *, began: datetime, usage: set[int]
    ) -> None:
        lookups: list[Lookup] = [(tracker.tracker, now) for tracker, _ in reading]
        windows = await self._windows(lookups) if lookups else []
        for (tracker, _), window in zip(reading, windows, strict=True):
            tracker.take_read(window, proven=usage, at=began)


def _trackers(features: dict[str, HeldFeature]) -> list[HeldTracker]:
    return list({id(tracker): tracker for feature in features.values() for tracker in feature.trackers()}.values())


def _windows(trackers: Iterable[HeldTracker], now: datetime) -> list[tuple[HeldTracker, HeldWindow]]:
    return [(tracker, window) for tracker in trackers if (window := tracker.at(now)) is not None]
