"""Numbers and add-ons over the wire: what a subscription holds beside its plan."""

from kit.errors import RemoteRefusal
from tests.integration.entitlements.plans import BILLED, limited
from tests.integration.entitlements.world import START, World, reason
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.catalog.v1 import add_on_pb2, charge_pb2, entitlement_pb2, plan_pb2
from tollkeeper.entitlements.v1 import decision_pb2

OVERRIDE = entitlement_pb2.MERGE_BEHAVIOR_OVERRIDE


def number(value: str) -> entitlement_pb2.Entitlement:
    """Days of history."""
    return entitlement_pb2.Entitlement(feature_id="history", numeric=entitlement_pb2.NumericEntitlement(value=value))


def values(*granted: str) -> entitlement_pb2.Entitlement:
    """Airports."""
    return entitlement_pb2.Entitlement(feature_id="airports", enum=entitlement_pb2.EnumEntitlement(values=granted))


def overriding(entitlement: entitlement_pb2.Entitlement) -> entitlement_pb2.Entitlement:
    """The same, in the place of all others."""
    entitlement.merge_behavior = OVERRIDE
    return entitlement


def stock_add_ons(world: World) -> None:
    """A plan with a commitment, and add-ons of every kind."""
    nights = entitlement_pb2.Entitlement(feature_id="night-flights", boolean=entitlement_pb2.BooleanEntitlement())
    world.plan(
        "base",
        plan_pb2.PlanContent(
            entitlements=[limited("calls", "10", reset=BILLED), number("30"), values("JFK")],
            charges=[
                charge_pb2.Charge(id="gates", feature_id="gates", billing_model=charge_pb2.BILLING_MODEL_PER_UNIT)
            ],
        ),
        add_ons={
            "pack": add_on_pb2.AddOnContent(
                entitlements=[
                    limited("calls", "5", soft=True),
                    number("60"),
                    values("EWR"),
                    limited("gates", "2"),
                    nights,
                ]
            ),
            "flat": add_on_pb2.AddOnContent(entitlements=[overriding(limited("calls", "7"))]),
            "short": add_on_pb2.AddOnContent(entitlements=[overriding(number("3"))]),
            "metered": add_on_pb2.AddOnContent(
                charges=[
                    charge_pb2.Charge(
                        id="miles", feature_id="miles", billing_model=charge_pb2.BILLING_MODEL_USAGE_BASED
                    )
                ]
            ),
        },
    )


async def test_a_number_is_granted_and_listed(world: World) -> None:
    stock_add_ons(world)
    await world.customer("united")
    token = await world.subscribe("united", "base")
    decision = await world.check("united", "history", requested="1000", values=["x"], tokens=[token])
    assert (decision.granted, reason(decision), decision.numeric_value) == (True, "INCLUDED", "30")
    assert decision.feature_type == decision_pb2.FEATURE_TYPE_NUMERIC
    assert decision.explanation == "History: 30 days are included."
    assert decision.source.subscription_id == "sub-united"
    listed = {each.feature_id: each.numeric_value for each in await world.list_all("united")}
    assert listed == {"airports": "", "calls": "", "gates": "", "history": "30"}


async def test_add_ons_add_to_plan_and_commitment(world: World) -> None:
    stock_add_ons(world)
    await world.customer("united")
    token = await world.subscribe("united", "base", commitments={"gates": "4"}, add_ons={"pack": 3, "metered": 1})
    calls = await world.check("united", "calls", tokens=[token])
    assert (calls.limit, calls.soft_limit, calls.source.plan_id) == ("25", True, "base")
    assert (await world.check("united", "gates")).limit == "10"
    assert (await world.check("united", "history")).numeric_value == "210"
    assert list((await world.check("united", "airports", values=["EWR", "JFK"])).values) == ["EWR", "JFK"]
    assert await world.why("united", "night-flights") == "INCLUDED"
    assert await world.why("united", "miles") == "UNLIMITED"
    assert (await world.report("united", "gates", "10", enforce=True)).written
    assert not (await world.report("united", "gates", "1", enforce=True)).written


async def test_the_readmes_table(world: World) -> None:
    stock_add_ons(world)
    table: list[tuple[dict[str, int], tuple[str, bool], str, str]] = [
        ({}, ("10", False), "30", "4"),
        ({"pack": 3}, ("25", True), "210", "10"),
        ({"pack": 3, "flat": 2}, ("7", False), "210", "10"),
    ]
    for row, (held, calls, history, gates) in enumerate(table):
        name = f"c{row}"
        await world.customer(name)
        token = await world.subscribe(name, "base", commitments={"gates": "4"}, add_ons=held)
        decision = await world.check(name, "calls", tokens=[token])
        assert (decision.limit, decision.soft_limit) == calls
        assert (await world.check(name, "history")).numeric_value == history
        assert (await world.check(name, "gates")).limit == gates


async def test_the_quantity_of_an_add_on_changes_the_limit_and_not_the_usage(world: World) -> None:
    stock_add_ons(world)
    await world.customer("united")
    token = await world.subscribe("united", "base", commitments={"gates": "1"}, add_ons={"pack": 1})
    assert (await world.report("united", "gates", "3", enforce=True, tokens=[token])).written
    registered = set(world.metering.trackers)
    held = world.billing.subscriptions["sub-united"]
    held.add_ons[0].quantity = 2
    token = await world.changed(held, events.SubscriptionUpdated())
    decision = await world.check("united", "gates", tokens=[token])
    assert (decision.limit, decision.usage) == ("5", "3")
    assert world.metering.trackers == registered
    del held.add_ons[:]
    token = await world.changed(held, events.SubscriptionUpdated())
    decision = await world.check("united", "gates", tokens=[token])
    assert (decision.limit, decision.usage, decision.granted) == ("1", "3", False)
    assert await world.why("united", "night-flights") == "FEATURE_NOT_INCLUDED"


async def test_an_override_replaces_whatever_its_quantity(world: World) -> None:
    stock_add_ons(world)
    await world.customer("united")
    token = await world.subscribe("united", "base", add_ons={"pack": 3, "flat": 9, "short": 1})
    calls = await world.check("united", "calls", tokens=[token])
    assert (calls.limit, calls.soft_limit) == ("7", False)
    assert (await world.check("united", "history")).numeric_value == "3"


async def test_an_add_on_that_begins_later_begins_by_the_clock(world: World) -> None:
    stock_add_ons(world)
    await world.customer("united")
    await world.subscribe("united", "base", commitments={"gates": "1"})
    at = START.replace(month=2)
    token = await world.schedule("sub-united", at, add_ons={"metered": 1})
    world.metering.add("united", "miles", "9", at=at)
    assert await world.why("united", "miles", tokens=[token]) == "FEATURE_NOT_INCLUDED"
    world.clock.time = at
    decision = await world.check("united", "miles", current=True)
    assert (reason(decision), decision.usage) == ("UNLIMITED", "9")
    assert (await world.check("united", "gates")).limit == "1"


async def test_an_add_on_that_the_plan_does_not_pin_is_doubted_and_never_taken_for_none(world: World) -> None:
    stock_add_ons(world)
    token = await world.customer("united")
    assert await world.why("united", "gates", tokens=[token]) == "NO_ACTIVE_SUBSCRIPTION"
    await world.subscribe("united", "base", add_ons={"unheard-of": 1})

    async def is_doubted() -> bool:
        try:
            await world.check("united", "gates", current=True)
        except RemoteRefusal as refusal:
            return refusal.reason == "INTERNAL"
        return False

    await world.eventually(is_doubted)
