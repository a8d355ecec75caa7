"""Published plan versions, as the catalog would answer them."""

from collections.abc import Sequence

from tollkeeper.catalog.v1 import add_on_pb2, charge_pb2, coupon_pb2, feature_pb2, plan_pb2

MONTHLY = charge_pb2.BILLING_PERIOD_MONTHLY
QUARTERLY = charge_pb2.BILLING_PERIOD_QUARTERLY
YEARLY = charge_pb2.BILLING_PERIOD_YEARLY

# The documents' own tiers: 1–5 at $20 (flat $10), 6–10 at $15 (flat $8), 11+ at $10 (flat $5).
TIER_ENDS = ("5", "10")
UNIT_PRICES = ("20", "15", "10")
FLAT_FEES = ("10", "8", "5")


def feature(feature_id: str, name: str, singular: str) -> feature_pb2.Feature:
    """A metered feature."""
    return feature_pb2.Feature(
        id=feature_id, display_name=name, metered=feature_pb2.MeteredFeature(unit_singular=singular)
    )


FEATURES = (feature("gates", "Gates", "gate"), feature("departures", "Departures", "departure"))


def tier_prices(fees: Sequence[str] = FLAT_FEES) -> list[charge_pb2.TierPrice]:
    """The documents' tiers; without fees for an empty sequence."""
    return [
        charge_pb2.TierPrice(unit_price=price, flat_fee=fees[i] if fees else "") for i, price in enumerate(UNIT_PRICES)
    ]


def price(
    amount: str = "",
    *,
    tiers: Sequence[charge_pb2.TierPrice] = (),
    billing_period: charge_pb2.BillingPeriod.ValueType = MONTHLY,
    currency: str = "USD",
) -> charge_pb2.Price:
    """A price of one offer."""
    return charge_pb2.Price(billing_period=billing_period, currency=currency, amount=amount, tiers=tiers)


def charge(
    charge_id: str,
    model: str,
    *prices: charge_pb2.Price,
    pricing: str = "UNSPECIFIED",
    feature_id: str = "",
    block_size: str = "",
    tier_ends: Sequence[str] = (),
    minimum: str = "",
    maximum: str = "",
) -> charge_pb2.Charge:
    """A charge; models by the last words of their names."""
    return charge_pb2.Charge(
        id=charge_id,
        billing_model=charge_pb2.BillingModel.Value(f"BILLING_MODEL_{model}"),
        pricing_model=charge_pb2.PricingModel.Value(f"PRICING_MODEL_{pricing}"),
        feature_id=feature_id,
        block_size=block_size,
        tier_ends=tier_ends,
        minimum_quantity=minimum,
        maximum_quantity=maximum,
        prices=prices,
    )


def gates(*prices: charge_pb2.Price, pricing: str = "GRADUATED", **more: str) -> charge_pb2.Charge:
    """Gates, committed in advance on the documents' tiers."""
    return charge(
        "gates",
        "PER_UNIT",
        *(prices or (price(tiers=tier_prices()),)),
        pricing=pricing,
        feature_id="gates",
        tier_ends=TIER_ENDS if pricing in {"GRADUATED", "VOLUME", "STAIR_STEP"} else (),
        **more,
    )


def departures(*prices: charge_pb2.Price) -> charge_pb2.Charge:
    """Departures, billed by usage in packages of 1,000."""
    return charge(
        "departures",
        "USAGE_BASED",
        *(prices or (price("5"),)),
        pricing="PACKAGE",
        feature_id="departures",
        block_size="1000",
    )


def add_on(
    add_on_id: str, *prices: charge_pb2.Price, maximum: int = 10, required: Sequence[str] = ()
) -> add_on_pb2.AddOnVersion:
    """An add-on with a fixed fee; 3 dollars a month unless prices are given."""
    fee = charge("fee", "FLAT_FEE", *(prices or (price("3"),)))
    return add_on_pb2.AddOnVersion(
        add_on_id=add_on_id,
        version=1,
        display_name=add_on_id.capitalize(),
        content=add_on_pb2.AddOnContent(charges=[fee], maximum_quantity=maximum, required_add_on_ids=required),
    )


def percent_off(coupon_id: str, percent: str, *, duration: str = "FOREVER", months: int = 0) -> coupon_pb2.Coupon:
    """A coupon that takes a percentage off."""
    lasts = coupon_pb2.CouponDuration.Value(f"COUPON_DURATION_{duration}")
    return coupon_pb2.Coupon(id=coupon_id, percent_off=percent, duration=lasts, duration_months=months)


def plan(
    plan_id: str,
    *charges: charge_pb2.Charge,
    product_id: str = "airport",
    version: int = 1,
    add_ons: Sequence[add_on_pb2.AddOnVersion] = (),
    trial_days: int = 0,
    several: bool = False,
) -> plan_pb2.PlanVersion:
    """A published version; free without charges."""
    pricing_type = plan_pb2.PRICING_TYPE_PAID if charges else plan_pb2.PRICING_TYPE_FREE
    return plan_pb2.PlanVersion(
        plan_id=plan_id,
        version=version,
        product_id=product_id,
        state=plan_pb2.PLAN_VERSION_STATE_PUBLISHED,
        display_name=plan_id.capitalize(),
        content=plan_pb2.PlanContent(
            pricing_type=pricing_type,
            charges=charges,
            trial=plan_pb2.Trial(duration_days=trial_days) if trial_days else None,
        ),
        features=FEATURES,
        add_ons=add_ons,
        multiple_subscriptions=several,
    )
