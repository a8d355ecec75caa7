"""Values that these tests are about, made in few words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from entitlements.domain.control import Control
from entitlements.domain.customer import Customer, Subscription, TestClock
from entitlements.domain.entitlement import resolve
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature, FeatureType, UsageSource
from entitlements.domain.held import HeldClock
from entitlements.domain.plan import Grant, PlanVersion
from entitlements.domain.usage import Window
from kernel.period import BillingPeriod

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def metered(feature_id: str = "gates", unit: str = "gate", *, source: UsageSource = UsageSource.CALCULATED) -> Feature:
    """A metered feature."""
    return Feature(feature_id, FeatureType.METERED, feature_id.capitalize(), source, unit, f"{unit}s", 1)


def boolean(feature_id: str = "nights") -> Feature:
    """A boolean feature."""
    return Feature(feature_id, FeatureType.BOOLEAN, "Night flights", None, "", "", 1)


def enum(feature_id: str = "airports") -> Feature:
    """An enum feature."""
    return Feature(feature_id, FeatureType.ENUM, "Airports", None, "", "", 1)


FEATURES = {
    feature.id: feature
    for feature in (metered(), metered("calls", "call"), metered("miles", "mile"), boolean(), enum())
}


def plan(grants: Mapping[str, Grant], plan_id: str = "carrier", version: int = 1) -> PlanVersion:
    """A plan version."""
    return PlanVersion(plan_id, version, tuple(grants.items()), tuple(FEATURES[name] for name in grants))


def subscription(
    id: str = "sub-1",
    *,
    start: datetime = START,
    zone: str = "UTC",
    period: BillingPeriod = BillingPeriod.MONTHLY,
    commitments: Mapping[str, str] | None = None,
    cancel: datetime | None = None,
    end: datetime | None = None,
    plan_id: str = "carrier",
    created: datetime | None = None,
    revision: int = 7,
) -> Subscription:
    """A subscription of the customer c."""
    return Subscription(
        id=id,
        customer_id="c",
        plan_id=plan_id,
        plan_version=1,
        billing_period=period,
        time_zone=zone,
        start_time=start,
        cancel_time=cancel,
        end_time=end,
        commitments={feature: Decimal(value) for feature, value in (commitments or {}).items()},
        create_time=created or start,
        revision=revision,
    )


def control(*holdings: tuple[Subscription, PlanVersion], clock: TestClock | None = None) -> Control:
    """Everything about the customer c but its usage."""
    return Control(
        Customer("c", "" if clock is None else clock.id, 1),
        clock,
        tuple((held, resolve(held, version)) for held, version in holdings),
        max((held.revision for held, _ in holdings), default=0),
        FEATURES,
    )


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
