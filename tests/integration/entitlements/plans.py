"""What is sold in these tests."""

from tests.integration.entitlements.world import World
from tollkeeper.catalog.v1 import charge_pb2, entitlement_pb2
from tollkeeper.catalog.v1 import feature_pb2 as feature
from tollkeeper.catalog.v1 import plan_pb2 as plan

MONTHLY = entitlement_pb2.UsageReset(interval=entitlement_pb2.RESET_INTERVAL_MONTH)
BILLED = entitlement_pb2.UsageReset(interval=entitlement_pb2.RESET_INTERVAL_BILLING_PERIOD)
DAILY = entitlement_pb2.UsageReset(
    interval=entitlement_pb2.RESET_INTERVAL_DAY, anchor=entitlement_pb2.RESET_ANCHOR_CALENDAR
)


def limited(
    feature_id: str, limit: str, *, soft: bool = False, reset: entitlement_pb2.UsageReset | None = None
) -> entitlement_pb2.Entitlement:
    """An entitlement with a limit."""
    metered = entitlement_pb2.MeteredEntitlement(limit=limit, soft_limit=soft, usage_reset=reset)
    return entitlement_pb2.Entitlement(feature_id=feature_id, metered=metered)


def stock(world: World) -> None:
    """Features of each kind; the plans `carrier`, `daily`, `large`, `soft` and `empty`."""
    world.metered("gates", "gate", source=feature.USAGE_SOURCE_CALCULATED)
    world.metered("calls", "call", source=feature.USAGE_SOURCE_CALCULATED)
    world.metered("miles", "mile", source=feature.USAGE_SOURCE_EVENTS)
    world.metered("departures", "departure", source=feature.USAGE_SOURCE_EVENTS)
    world.metered("lounges", "lounge", source=feature.USAGE_SOURCE_CALCULATED)
    world.feature("night-flights", boolean=feature.BooleanFeature(), display_name="Night flights")
    world.feature("history", numeric=feature.NumericFeature(unit_singular="day"), display_name="History")
    world.feature("airports", enum=feature.EnumFeature(values=["EWR", "JFK", "LGA", "SWF"]), display_name="Airports")
    world.plan(
        "carrier",
        plan.PlanContent(
            pricing_type=plan.PRICING_TYPE_PAID,
            entitlements=[
                limited("miles", "100", soft=True, reset=BILLED),
                limited("calls", "10", reset=MONTHLY),
                entitlement_pb2.Entitlement(feature_id="night-flights", boolean=entitlement_pb2.BooleanEntitlement()),
                entitlement_pb2.Entitlement(
                    feature_id="airports", enum=entitlement_pb2.EnumEntitlement(values=["JFK", "EWR"])
                ),
            ],
            charges=[
                charge_pb2.Charge(id="fee", billing_model=charge_pb2.BILLING_MODEL_FLAT_FEE),
                charge_pb2.Charge(id="gates", feature_id="gates", billing_model=charge_pb2.BILLING_MODEL_PER_UNIT),
                charge_pb2.Charge(
                    id="departures", feature_id="departures", billing_model=charge_pb2.BILLING_MODEL_USAGE_BASED
                ),
            ],
        ),
    )
    world.plan("daily", plan.PlanContent(entitlements=[limited("calls", "4", reset=DAILY)]))
    world.plan("large", plan.PlanContent(entitlements=[limited("calls", "1000", reset=MONTHLY)]))
    world.plan("soft", plan.PlanContent(entitlements=[limited("gates", "2", soft=True)]))
    world.plan(
        "empty",
        plan.PlanContent(
            entitlements=[
                entitlement_pb2.Entitlement(feature_id="airports", enum=entitlement_pb2.EnumEntitlement(values=["LGA"]))
            ]
        ),
    )
