"""Random customers of the service, and what the service tells a client of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from entitlements.commands.watched_customer import WatchedCustomer
from entitlements.domain.control import Control
from entitlements.domain.customer import Customer
from entitlements.domain.entitlement import Allowance, Entitlement, Included, Number, Source, Values
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature, FeatureType, UsageSource
from entitlements.domain.plan import BooleanGrant, MeteredGrant
from entitlements.domain.promotional_grant import PromotionalGrant
from entitlements.domain.subscription import Phase, Subscription
from entitlements.domain.usage import Window
from entitlements.domain.watched import CustomerState as WatchedState
from entitlements.domain.watched import customer_state
from kernel.recurrence import Interval, Recurrence
from tests.unit.entitlements.build import START, subscription
from tollkeeper.client.projection.state import CustomerState, state_from_proto
from tollkeeper.entitlements.v1.entitlements_service_pb2 import WatchEntitlementsResponse

NOW = START + timedelta(days=10)
# Named as their ids are: what a client says of them has no other name.
METERED = ("gates", "miles")
FEATURES = {
    **{name: Feature(name, FeatureType.METERED, name, UsageSource.CALCULATED, name[:-1], name, 1) for name in METERED},
    "nights": Feature("nights", FeatureType.BOOLEAN, "nights", None, "", "", 1),
    "airports": Feature("airports", FeatureType.ENUM, "airports", None, "", "", 1),
    "history": Feature("history", FeatureType.NUMERIC, "history", None, "day", "days", 1),
}
amounts = st.integers(0, 6).map(Decimal) | st.decimals(0, 9, places=3, allow_nan=False)
recurrences = st.none() | st.builds(
    Recurrence, st.sampled_from([Interval.HOUR, Interval.DAY, Interval.MONTH]), st.just(START), st.just("UTC")
)
values = st.sets(st.sampled_from("ABC"), min_size=1).map(lambda some: tuple(sorted(some)))


@st.composite
def grants_of(draw: st.DrawFn, feature_id: str) -> Included | Number | Values | Allowance:
    """What a subscription grants of a feature."""
    match feature_id:
        case "nights":
            return Included()
        case "airports":
            return Values(draw(values))
        case "history":
            return Number(draw(amounts))
        case _:
            limit = draw(st.none() | amounts)
            return Allowance(limit, limit is not None and draw(st.booleans()), draw(recurrences))


@st.composite
def holdings(draw: st.DrawFn, number: int) -> tuple[Subscription, tuple[Entitlement, ...]]:
    """A subscription that gives access now, before or later, with something in it."""
    end = draw(st.none() | st.integers(-2, 30).map(lambda hours: NOW + timedelta(hours=hours)))
    held = subscription(f"sub-{number}", access=draw(st.integers(0, 9)) > 0, access_end=end)
    granted = draw(st.sets(st.sampled_from(sorted(FEATURES)), min_size=1))
    source = Source(held.id, f"plan-{number}", 1)
    always = Phase(None, None)
    return held, tuple(Entitlement(name, source, draw(grants_of(name)), always) for name in sorted(granted))


@st.composite
def promotions(draw: st.DrawFn, number: int) -> PromotionalGrant:
    """A promotional grant that expires or does not."""
    feature_id = draw(st.sampled_from(["nights", "gates"]))
    content = BooleanGrant() if feature_id == "nights" else MeteredGrant(draw(amounts), draw(st.booleans()), None)
    return PromotionalGrant(
        f"grant-{number}",
        "c",
        feature_id,
        content,
        time_zone="UTC",
        start_time=START,
        expire_time=draw(st.none() | st.integers(1, 30).map(lambda hours: NOW + timedelta(hours=hours))),
        reason="",
        create_time=START,
        revoke_time=None,
        revision=1,
        fingerprint=b"",
    )


@dataclass(frozen=True)
class Life:
    """A customer in the service's memory, and every feature of the catalog."""

    entry: Entry
    features: Mapping[str, Feature]

    def state(self, at: datetime = NOW) -> WatchedState:
        """What the service tells of it."""
        shadow = {name: feature for name, feature in self.features.items() if feature.shadow_mode}
        return customer_state(self.entry, at, shadow)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A customer with usage."""
    shadowed = draw(st.sets(st.sampled_from(sorted(FEATURES)), max_size=2))
    features = {name: replace(feature, shadow_mode=name in shadowed) for name, feature in FEATURES.items()}
    entry = Entry("c")
    if draw(st.integers(0, 19)) == 0:
        entry.install_unknown()
        return Life(entry, features)
    control = Control(
        Customer("c", "", 1),
        None,
        tuple(draw(holdings(number)) for number in range(draw(st.integers(0, 3)))),
        revision=1,
        plan_revision=0,
        features=features,
        grants=tuple(draw(promotions(number)) for number in range(draw(st.integers(0, 2)))),
        revoked=frozenset(draw(st.sets(st.sampled_from(sorted(FEATURES)), max_size=1))),
    )
    entry.install(control, entry.prepare(control), clock=None)
    for tracker in entry.trackers():
        window = tracker.at(NOW)
        if window is not None:
            used = Window("c", "", tracker.tracker.feature_id, window.start, window.end, draw(amounts), 1)
            tracker.take_read(replace(used, reserved=draw(st.just(Decimal(0)) | amounts)), proven=(), at=NOW)
    return Life(entry, features)


def told(data: bytes) -> WatchEntitlementsResponse:
    """A message as it comes out of the stream."""
    return WatchEntitlementsResponse.FromString(data)


def watched(life: Life) -> CustomerState:
    """What a client knows that begins to watch the customer."""
    customer = WatchedCustomer("c")
    customer.take(life.state(), NOW)
    return state_from_proto(told(customer.whole()).customer)
