"""One customer in memory: what its subscriptions and promotional grants grant, what it has used, and the decision from both."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from entitlements.domain import decision
from entitlements.domain.choosing import decide_granted
from entitlements.domain.control import Control, Given, Offers, Revisions, plan_revision
from entitlements.domain.customer import Customer, TestClock
from entitlements.domain.decision import Decision, Standing
from entitlements.domain.entitlement import Allowance
from entitlements.domain.feature import Feature
from entitlements.domain.held import HeldClock, HeldEntitlement, HeldFeature, HeldSubscription
from entitlements.domain.holding import Holdings, hold
from entitlements.domain.promotional_grant import PromotionalGrant
from entitlements.domain.subscription import Subscription
from entitlements.domain.usage import HeldTracker, Window
from kernel.quantity import ZERO

# Windows that arrive while a customer is loaded are kept so far; with more it is read again. A load takes milliseconds.
MAX_PENDING: Final = 1_000
# Ended subscriptions whose revision is remembered, for tokens that name them.
MAX_NOTED: Final = 100


class Entry:
    """One customer in memory.

    Attributes:
        ready: Whether it was loaded; before, nothing can be decided.
        customer: None where no customer has the id.
        clock: None: real time.
        reached: What the customer's clock shows at least.
        grants: Its promotional grants, as in `Control`.
        revoked: The features that were taken from it.
        revision: As in `Control`.
        plan_revision: As in `Control`.
        read_time: When the newest reading of all its usage began, in real time.
        gaps: How many gaps in the usage frames were known then.
        owner_time: When billing was last asked for everything, in real time.
        changes: How many changes of its control state were heard of.
        changed: Whether one of them is not read yet.
        covered: As far as its control state is known while `changed`, in real time; None: not known.
        unread: Whether a window was needed that was never read, such as after a long jump of a test clock.
        watcher: Is told the customer's id whenever something that decides may have changed; None: nobody watches.
    """

    __slots__ = (
        "_noted",
        "_pending",
        "changed",
        "changes",
        "clock",
        "covered",
        "customer",
        "customer_id",
        "features",
        "gaps",
        "grants",
        "owner_time",
        "plan_revision",
        "reached",
        "read_time",
        "ready",
        "revision",
        "revoked",
        "subscriptions",
        "unread",
        "watcher",
    )

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id
        self.ready = False
        self.customer: Customer | None = None
        self.clock: HeldClock | None = None
        self.subscriptions: tuple[HeldSubscription, ...] = ()
        self.features: dict[str, HeldFeature] = {}
        self.grants: tuple[PromotionalGrant, ...] = ()
        self.revoked: frozenset[str] = frozenset()
        self.reached: datetime | None = None
        self.revision = 0
        self.plan_revision = 0
        self.read_time: datetime | None = None
        self.gaps = -1
        self.owner_time: datetime | None = None
        self.changed = False
        self.covered: datetime | None = None
        self.changes = 0
        self.unread = False
        self.watcher: Callable[[str], None] | None = None
        self._pending: list[Window] | None = None
        self._noted: dict[str, int] | None = None

    @property
    def revisions(self) -> Revisions | None:
        """What it was made from; None where no customer has the id."""
        if self.customer is None:
            return None
        return self.customer.revision, self.revision, 0 if self.clock is None else self.clock.revision

    @property
    def ceiling_revision(self) -> int:
        """What travels with a ceiling: of two states with different limits the newer one has the greater number."""
        return max(self.revision, self.plan_revision)

    @property
    def held_subscriptions(self) -> tuple[Subscription, ...]:
        """The subscriptions that it is resolved from, oldest first."""
        return tuple(held.subscription for held in self.subscriptions)

    def holds_plan(self, plan_id: str) -> bool:
        """Whether any of them is, or will be, to the plan."""
        return any(held.names(plan_id) for held in self.subscriptions)

    def resolved_from(self, offers: Offers) -> Control | None:
        """Its control state with what the plans grant now; None where it is not to be resolved from these: the customer changed by
        then, or newer plans are known. Else the ceiling's number would be of a state that never was.
        """
        held = self.held_subscriptions
        changed = offers.revisions.get(self.customer_id, 0) != self.revision
        if self.customer is None or changed or not offers.cover(held):
            return None
        if plan_revision(held, offers.carried) < self.plan_revision:
            return None
        clock = None if self.clock is None else TestClock(self.clock.id, self.clock.time, self.clock.revision)
        described = {grant.feature_id: self.features[grant.feature_id].feature for grant in self.grants}
        given = Given(self.revision, self.plan_revision, self.grants, self.revoked, described)
        return offers.control(self.customer, clock, held, given=given)

    def note_read(self, at: datetime, gaps: int) -> None:
        """Notes that all its usage was read.

        Args:
            at: When the reading began, in real time.
            gaps: How many gaps in the usage frames were known then.
        """
        if self.read_time is None or self.read_time < at:
            self.read_time = at
        self.gaps = max(self.gaps, gaps)
        self.unread = False
        self.tell()

    def note_change(self, covered: datetime | None) -> None:
        """Notes that its control state changed, or may have.

        Args:
            covered: As far as control state was known before that, in real time.
        """
        self.changes += 1
        if not self.changed:
            self.changed, self.covered = True, covered

    def note_control(self, changes: int, *, covered: datetime | None) -> None:
        """Notes that its control state was read.

        Args:
            changes: How many changes had been heard of when the reading began.
            covered: As far as control state was known then, in real time.
        """
        self.changed, self.covered = changes != self.changes, covered

    def now(self, real: datetime) -> datetime:
        """The customer's time."""
        now = real if self.clock is None else self.clock.time
        return now if self.reached is None or now >= self.reached else self.reached

    def has_access(self, now: datetime) -> bool:
        """Whether any subscription gives access, or there is any promotional grant."""
        return any(subscription.gives_access(now) for subscription in self.subscriptions) or any(
            grant.holds(now) for grant in self.grants
        )

    def is_revoked(self, feature_id: str) -> bool:
        """Whether the feature was taken from the customer, whatever grants it."""
        return feature_id in self.revoked

    def live(self, feature_id: str, now: datetime) -> list[HeldEntitlement]:
        """The entitlements to the feature that are granted now, even if it was revoked."""
        held = self.features.get(feature_id)
        return [] if held is None else held.live(now)

    def trackers(self, feature_id: str | None = None) -> list[HeldTracker]:
        """The trackers of one feature, or of all."""
        features = self.features.values() if feature_id is None else filter(None, [self.features.get(feature_id)])
        return list({id(tracker): tracker for feature in features for tracker in feature.trackers()}.values())

    @property
    def is_counted(self) -> bool:
        """Whether any usage matters to it."""
        return any(True for feature in self.features.values() for _ in feature.trackers())

    def was_read_after(self, time: datetime | None) -> bool:
        """Whether its usage was read since then."""
        return time is not None and self.read_time is not None and self.read_time > time

    def standing(self, held: HeldEntitlement, now: datetime) -> Standing:
        """A metered entitlement with its usage now."""
        allowance = held.grant
        assert isinstance(allowance, Allowance)  # noqa: S101 - a metered feature's grant is nothing else.
        window = held.tracker.at(now) if held.tracker is not None else None
        source = held.source
        if window is None:
            return Standing(source, allowance.limit, allowance.soft, ZERO, None, None)
        if not window.is_known:
            self.unread = True
        return Standing(source, allowance.limit, allowance.soft, window.used, window.start, window.end, window.reserved)

    def is_behind(self, revisions: Collection[int], *, feature_id: str | None, now: datetime) -> bool:
        """Whether the usage now of the feature, or of any, may lack one of these changes, or was never read."""
        windows = (tracker.at(now) for tracker in self.trackers(feature_id))
        return any(window is not None and not window.includes(revisions) for window in windows)

    def knows_subscription(self, subscription_id: str, revision: int) -> bool:
        """Whether the entry was made from the subscription at the revision or later."""
        held = [each.subscription.revision for each in self.subscriptions if each.subscription.id == subscription_id]
        return max((*held, (self._noted or {}).get(subscription_id, 0))) >= revision

    def note_subscription(self, subscription_id: str, revision: int) -> None:
        """Notes that the entry was made from the subscription at the revision, although an ended one is not held."""
        if self._noted is None or len(self._noted) >= MAX_NOTED:
            self._noted = {}
        self._noted[subscription_id] = revision

    def decide(
        self, feature_id: str, feature: Feature | None, *, requested: Decimal, values: Sequence[str], now: datetime
    ) -> Decision:
        """The decision, in the contract's order of reasons; of a feature that the customer does not hold as the catalog knows it, None
        where it does not. The others as in `choosing.decide_granted`.
        """
        held = self.features.get(feature_id)
        live = [] if held is None else held.live(now)
        if held is None or not live or feature_id in self.revoked:
            known = feature if held is None else held.feature
            return decision.in_shadow(self._refused(feature_id, known, granted=bool(live), now=now), known)
        decided = decide_granted(
            held.feature, live, requested=requested, values=values, standing=self.standing, now=now
        )
        return decision.in_shadow(decided, held.feature)

    def _refused(self, feature_id: str, feature: Feature | None, *, granted: bool, now: datetime) -> Decision:
        if self.customer is None:
            return decision.customer_unknown(self.customer_id, feature_id=feature_id, feature=feature)
        if not self.has_access(now):
            return decision.no_active_subscription(self.customer_id, feature_id=feature_id, feature=feature)
        if feature is None:
            return decision.feature_unknown(feature_id)
        if not granted:
            return decision.not_included(self.customer_id, feature)
        return decision.revoked(self.customer_id, feature)

    def apply(self, window: Window) -> None:
        """Takes a window's value over where it is held and newer. What a single resource used decides nothing."""
        if window.resource_id:
            return
        if self._pending is not None:
            if len(self._pending) < MAX_PENDING:
                self._pending.append(window)
            else:
                # Too many to keep: the load that runs will be followed by another reading.
                self.unread = True
        held = self.features.get(window.feature_id)
        if held is not None:
            for tracker in held.trackers():
                tracker.apply(window)
            self.tell()

    def prepare(self, control: Control) -> Holdings:
        """What follows from a newer control state, with the trackers that are held already; from now on windows that arrive
        are kept for `install`.
        """
        self._pending = []
        return hold(control, self.trackers())

    def install(self, control: Control, holdings: Holdings, *, clock: HeldClock | None) -> None:
        """Makes the newer control state the one that decides."""
        self.customer = control.customer
        self.clock = clock
        self.reached = control.reached
        self.features, self.subscriptions = holdings.features, holdings.subscriptions
        self.grants, self.revoked = control.grants, control.revoked
        self.plan_revision = max(self.plan_revision, control.plan_revision)
        self.revision = max(self.revision, control.revision)
        pending, self._pending = self._pending or [], None
        self.ready = True
        for window in pending:
            self.apply(window)
        self.tell()

    def install_unknown(self) -> None:
        """Makes it the entry of an id that no customer has."""
        self.customer, self.clock, self.subscriptions, self.features = None, None, (), {}
        self.grants, self.revoked = (), frozenset()
        self._pending = None
        self.ready = True
        self.tell()

    def tell(self) -> None:
        """Tells who watches that something that decides may have changed."""
        if self.watcher is not None:
            self.watcher(self.customer_id)

    def abandon(self) -> None:
        """Ends a load that failed; what was held before goes on deciding."""
        self._pending = None
