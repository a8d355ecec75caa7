"""A subscription's life between the real neighbours: trial, add-ons, a scheduled decrease, a carried publish, the end."""

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from kit.client import call
from kit.proto import timestamp_to_proto
from tests.integration.entitlements.plans import BILLED, limited
from tests.integration.entitlements.real import Platform, platform
from tests.integration.entitlements.test_add_ons import number
from tests.integration.entitlements.world import reason
from tollkeeper.billing.v1 import (
    customer_pb2,
    customer_service_pb2,
    subscription_pb2,
    subscription_service_pb2,
    test_clock_pb2,
    test_clock_service_pb2,
)
from tollkeeper.catalog.v1 import (
    add_on_pb2,
    catalog_service_pb2,
    charge_pb2,
    entitlement_pb2,
    feature_pb2,
    plan_pb2,
    product_pb2,
)
from tollkeeper.metering.v1 import event_pb2, event_service_pb2

__all__ = ["platform"]

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
TRIAL_END = START + timedelta(days=14)
# The first charged period, from 14 February on.
PERIOD_END = datetime(2026, 3, 14, 12, tzinfo=UTC)


def price(amount: str) -> charge_pb2.Price:
    """Each month in dollars."""
    return charge_pb2.Price(billing_period=charge_pb2.BILLING_PERIOD_MONTHLY, currency="USD", amount=amount)


def document(history: str, *, carry: bool) -> catalog_service_pb2.ApplyCatalogRequest:
    """A plan that inherits night flights, with days of history, miles, gates and a trial; and an add-on of gates."""
    calculated, by_events = feature_pb2.USAGE_SOURCE_CALCULATED, feature_pb2.USAGE_SOURCE_EVENTS
    fluctuating, incremental = feature_pb2.USAGE_BEHAVIOR_FLUCTUATING, feature_pb2.USAGE_BEHAVIOR_INCREMENTAL
    meter = feature_pb2.Meter(event_names=["flight.departed"], aggregation=feature_pb2.AGGREGATION_SUM, field="miles")
    nights = entitlement_pb2.Entitlement(feature_id="night-flights", boolean=entitlement_pb2.BooleanEntitlement())
    gates = charge_pb2.Charge(
        id="gates",
        feature_id="gates",
        billing_model=charge_pb2.BILLING_MODEL_PER_UNIT,
        pricing_model=charge_pb2.PRICING_MODEL_FLAT_RATE,
        prices=[price("10")],
    )
    carrier = plan_pb2.PlanContent(
        pricing_type=plan_pb2.PRICING_TYPE_PAID,
        base_plan_id="basic",
        entitlements=[number(history), limited("miles", "1000", reset=BILLED)],
        charges=[gates],
        compatible_add_on_ids=["pier"],
        trial=plan_pb2.Trial(duration_days=14, end_behavior=plan_pb2.TRIAL_END_BEHAVIOR_CONVERT),
    )
    basic = plan_pb2.PlanContent(pricing_type=plan_pb2.PRICING_TYPE_FREE, entitlements=[nights])
    pier = add_on_pb2.AddOnContent(
        entitlements=[limited("gates", "2")],
        charges=[charge_pb2.Charge(id="pier", billing_model=charge_pb2.BILLING_MODEL_FLAT_FEE, prices=[price("15")])],
    )
    return catalog_service_pb2.ApplyCatalogRequest(
        features=[
            feature_pb2.Feature(
                id="gates", metered=feature_pb2.MeteredFeature(usage_behavior=fluctuating, usage_source=calculated)
            ),
            feature_pb2.Feature(
                id="miles",
                metered=feature_pb2.MeteredFeature(usage_behavior=incremental, usage_source=by_events, meter=meter),
            ),
            feature_pb2.Feature(id="night-flights", boolean=feature_pb2.BooleanFeature()),
            feature_pb2.Feature(id="history", numeric=feature_pb2.NumericFeature(unit_singular="day")),
        ],
        products=[product_pb2.Product(id="new-york")],
        add_ons=[
            catalog_service_pb2.AddOnDocument(add_on=add_on_pb2.AddOn(id="pier", product_id="new-york"), content=pier)
        ],
        plans=[
            catalog_service_pb2.PlanDocument(plan=plan_pb2.Plan(id="basic", product_id="new-york"), content=basic),
            catalog_service_pb2.PlanDocument(plan=plan_pb2.Plan(id="carrier", product_id="new-york"), content=carrier),
        ],
        carry_entitlements=carry,
    )


async def advance(platform: Platform, to: datetime) -> str:
    """The clock stands there; a token."""
    request = test_clock_service_pb2.AdvanceTestClockRequest(test_clock_id="t", target_time=timestamp_to_proto(to))
    return (await call(platform.clocks.AdvanceTestClock, request, limit=30)).token


async def provision(platform: Platform) -> str:
    """United on the carrier plan with three gates and two piers, on a test clock; a token."""
    clock = test_clock_pb2.TestClock(id="t", time=timestamp_to_proto(START))
    await call(platform.clocks.CreateTestClock, test_clock_service_pb2.CreateTestClockRequest(test_clock=clock))
    customer = customer_pb2.Customer(id="united", test_clock_id="t")
    await call(platform.customers.CreateCustomer, customer_service_pb2.CreateCustomerRequest(customer=customer))
    request = subscription_service_pb2.ProvisionSubscriptionRequest(
        customer_id="united",
        plan_id="carrier",
        subscription_id="sub-united",
        billing_period=charge_pb2.BILLING_PERIOD_MONTHLY,
        commitments=[subscription_pb2.Commitment(feature_id="gates", quantity="3")],
        add_ons=[subscription_pb2.SubscriptionAddOn(add_on_id="pier", quantity=2)],
    )
    return (await call(platform.subscriptions.ProvisionSubscription, request)).token


async def fly(platform: Platform, key: str, at: datetime) -> str:
    """A flight of a hundred miles; a token."""
    event = event_pb2.Event(
        event_name="flight.departed",
        customer_id="united",
        idempotency_key=key,
        timestamp=timestamp_to_proto(at),
        dimensions={"miles": event_pb2.Value(decimal_value="100")},
    )
    return (await call(platform.events.ReportEvents, event_service_pb2.ReportEventsRequest(events=[event]))).token


def at(time: Timestamp) -> datetime:
    """A time of a message."""
    return time.ToDatetime(UTC)


async def test_a_life(platform: Platform) -> None:
    await call(platform.catalog.ApplyCatalog, document("30", carry=False))
    token = await provision(platform)
    for replica in (0, 1):
        decision = await platform.check("united", "gates", token, replica=replica)
        assert (decision.limit, decision.source.plan_version) == ("7", 1)
        assert reason(await platform.check("united", "night-flights", replica=replica)) == "INCLUDED"
        assert (await platform.check("united", "history", replica=replica)).numeric_value == "30"

    # On trial miles count from the start, after it from its end; gates go on.
    assert (await platform.enforce("united", "6", token)).written
    flown = await fly(platform, "on-trial", START + timedelta(days=1))
    decision = await platform.check("united", "miles", token, flown)
    assert (decision.usage, at(decision.usage_period.start_time)) == ("100", START)
    moved = await advance(platform, TRIAL_END)
    for replica in (0, 1):
        decision = await platform.check("united", "miles", moved, replica=replica)
        assert (decision.usage, at(decision.usage_period.start_time)) == ("0", TRIAL_END)
        assert (await platform.check("united", "gates", moved, replica=replica)).usage == "6"

    # A decrease waits for the period's end; usage stays, and growth is refused until it is below.
    token = await platform.commit("united", "1")
    assert (await platform.check("united", "gates", token, moved)).limit == "7"
    moved = await advance(platform, PERIOD_END - timedelta(seconds=1))
    assert (await platform.check("united", "gates", token, moved)).limit == "7"
    moved = await advance(platform, PERIOD_END)
    for replica in (0, 1):
        decision = await platform.check("united", "gates", token, moved, replica=replica)
        assert (decision.limit, decision.usage, decision.granted) == ("5", "6", False)
    assert not (await platform.enforce("united", "1", moved)).written
    assert (await platform.enforce("united", "-2", moved)).written
    assert (await platform.enforce("united", "1", moved)).written

    # What a publish carries reaches both replicas without any token; what is sold stays.
    await call(platform.catalog.ApplyCatalog, document("90", carry=True))
    for replica in (0, 1):
        while (await platform.check("united", "history", replica=replica)).numeric_value != "90":
            pass
        assert (await platform.check("united", "history", replica=replica)).source.plan_version == 2
        assert (await platform.check("united", "gates", replica=replica)).limit == "5"

    # The end comes with the clock.
    cancel = subscription_service_pb2.CancelSubscriptionRequest(subscription_id="sub-united")
    token = (await call(platform.subscriptions.CancelSubscription, cancel)).token
    decision = await platform.check("united", "gates", token)
    assert reason(decision) == "LIMIT_EXCEEDED"
    moved = await advance(platform, datetime(2026, 4, 14, 12, tzinfo=UTC))
    for replica in (0, 1):
        assert reason(await platform.check("united", "gates", moved, replica=replica)) == "NO_ACTIVE_SUBSCRIPTION"
