"""Values that these tests are about, made in few words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from entitlements.domain.control import Control, Given, Offers
from entitlements.domain.customer import Customer, TestClock
from entitlements.domain.entitlement import resolve
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature, FeatureType, UsageSource
from entitlements.domain.held import HeldClock
from entitlements.domain.plan import AddOnGrant, CommittedGrant, Grant, PlanVersion
from entitlements.domain.subscription import Scheduled, Subscription, Terms
from entitlements.domain.usage import Window
from kernel.period import BillingPeriod

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def metered(feature_id: str = "gates", unit: str = "gate", *, source: UsageSource = UsageSource.CALCULATED) -> Feature:
    """A metered feature."""
    return Feature(feature_id, FeatureType.METERED, feature_id.capitalize(), source, unit, f"{unit}s", 1)


def numeric(feature_id: str = "history") -> Feature:
    """A numeric feature."""
    return Feature(feature_id, FeatureType.NUMERIC, "History", None, "day", "days", 1)


def boolean(feature_id: str = "nights") -> Feature:
    """A boolean feature."""
    return Feature(feature_id, FeatureType.BOOLEAN, "Night flights", None, "", "", 1)


def enum(feature_id: str = "airports") -> Feature:
    """An enum feature."""
    return Feature(feature_id, FeatureType.ENUM, "Airports", None, "", "", 1)


FEATURES = {
    feature.id: feature
    for feature in (metered(), metered("calls", "call"), metered("miles", "mile"), boolean(), enum(), numeric())
}


def plan(
    grants: Mapping[str, Grant],
    plan_id: str = "carrier",
    version: int = 1,
    *,
    add_ons: Mapping[str, tuple[AddOnGrant, ...]] | None = None,
) -> PlanVersion:
    """A plan version: what is committed is sold, everything else is included."""
    return PlanVersion(
        plan_id,
        version,
        included={name: grant for name, grant in grants.items() if not isinstance(grant, CommittedGrant)},
        included_version=version,
        sold={name: grant for name, grant in grants.items() if isinstance(grant, CommittedGrant)},
        add_ons=add_ons or {},
        features=tuple(FEATURES[name] for name in grants),
    )


def terms(
    *,
    plan_id: str = "carrier",
    version: int = 1,
    period: BillingPeriod = BillingPeriod.MONTHLY,
    anchor: datetime = START,
    commitments: Mapping[str, str] | None = None,
    add_ons: Mapping[str, int] | None = None,
) -> Terms:
    """What is held for a time."""
    quantities = {feature: Decimal(value) for feature, value in (commitments or {}).items()}
    return Terms(plan_id, version, period, anchor, quantities, add_ons or {})


def subscription(
    id: str = "sub-1",
    *,
    start: datetime = START,
    zone: str = "UTC",
    period: BillingPeriod = BillingPeriod.MONTHLY,
    anchor: datetime | None = None,
    commitments: Mapping[str, str] | None = None,
    add_ons: Mapping[str, int] | None = None,
    access: bool = True,
    access_end: datetime | None = None,
    end: datetime | None = None,
    plan_id: str = "carrier",
    version: int = 1,
    scheduled: Scheduled | None = None,
    seen: datetime | None = None,
    revision: int = 7,
) -> Subscription:
    """A subscription of the customer c, with access from its start on."""
    held = terms(
        plan_id=plan_id,
        version=version,
        period=period,
        anchor=anchor or start,
        commitments=commitments,
        add_ons=add_ons,
    )
    return Subscription(
        id=id,
        customer_id="c",
        time_zone=zone,
        start_time=start,
        access_start=start if access else None,
        access_end=access_end,
        end_time=end,
        terms=held,
        scheduled=scheduled,
        seen_time=seen or start,
        revision=revision,
    )


def control(*holdings: tuple[Subscription, PlanVersion], clock: TestClock | None = None) -> Control:
    """Everything about the customer c but its usage."""
    customer = Customer("c", "" if clock is None else clock.id, 1)
    revision = max((held.revision for held, _ in holdings), default=0)
    resolved = tuple(
        (held, resolve(held, {held.plan_keys[0]: version} | {(version.plan_id, version.version): version}))
        for held, version in holdings
    )
    return Control(customer, clock, resolved, revision, 0, FEATURES)


def offered(subscriptions: Sequence[Subscription], *plans: PlanVersion, clock: TestClock | None = None) -> Control:
    """Everything about the customer c but its usage, each subscription from the plan versions that it names."""
    offers = Offers({(each.plan_id, each.version): each for each in plans}, {}, FEATURES)
    customer = Customer("c", "" if clock is None else clock.id, 1)
    return offers.control(customer, clock, subscriptions, given=Given(max(held.revision for held in subscriptions)))


def install(entry: Entry, state: Control) -> None:
    """Makes the state the one that decides."""
    entry.install(state, entry.prepare(state), clock=None if state.clock is None else HeldClock(state.clock))


def entry_of(*holdings: tuple[Subscription, PlanVersion], clock: TestClock | None = None) -> Entry:
    """The customer c in memory."""
    entry = Entry("c")
    install(entry, control(*holdings, clock=clock))
    return entry


def window(
    feature_id: str,
    value: str,
    revision: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    resource_id: str = "",
) -> Window:
    """A window of the customer c."""
    return Window("c", resource_id, feature_id, start, end, Decimal(value), revision)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """An instant in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
