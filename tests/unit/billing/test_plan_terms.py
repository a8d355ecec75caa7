"""A published plan version, read into terms."""

from decimal import Decimal

import pytest

from billing.domain.plan_terms import BillingModel, Offer, Unit
from billing.messages.plan_terms import plan_document, plan_terms, plan_terms_from_proto
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Graduated, Package, StairStep, StairStepTier, Tier, Volume
from tests.integration.billing import plans
from tollkeeper.catalog.v1 import charge_pb2

MONTHLY_USD = Offer(BillingPeriod.MONTHLY, "USD")
TIERS = (
    Tier(Decimal(5), Decimal(20), Decimal(10)),
    Tier(Decimal(10), Decimal(15), Decimal(8)),
    Tier(None, Decimal(10), Decimal(5)),
)


def test_every_pricing_model() -> None:
    totals = [charge_pb2.TierPrice(total_price=total) for total in ("100", "150", "200")]
    version = plans.plan(
        "airline",
        plans.charge("fee", "FLAT_FEE", plans.price("9.99")),
        plans.gates(plans.price("2.5"), pricing="FLAT_RATE"),
        plans.departures(),
        plans.gates(pricing="GRADUATED"),
        plans.gates(pricing="VOLUME"),
        plans.gates(plans.price(tiers=totals), pricing="STAIR_STEP"),
    )
    assert [charge.prices[MONTHLY_USD] for charge in plan_terms_from_proto(version).charges] == [
        FlatRate(Decimal("9.99")),
        FlatRate(Decimal("2.5")),
        Package(Decimal(1000), Decimal(5)),
        Graduated(TIERS),
        Volume(TIERS),
        StairStep(
            (
                StairStepTier(Decimal(5), Decimal(100)),
                StairStepTier(Decimal(10), Decimal(150)),
                StairStepTier(None, Decimal(200)),
            )
        ),
    ]


def test_offers_bounds_and_names() -> None:
    yearly = plans.price("20", billing_period=plans.YEARLY, currency="JPY")
    gates = plans.gates(plans.price("2"), yearly, pricing="FLAT_RATE", minimum="3", maximum="12.5")
    fee = plans.charge("fee", "FLAT_FEE", plans.price("1"))
    terms = plan_terms(plan_document(plans.plan("airline", gates, plans.departures(), fee, version=7)))
    assert (terms.plan_id, terms.version, terms.product_id, terms.free) == ("airline", 7, "airport", False)
    committed, used, fixed = terms.charges
    assert set(committed.prices) == {MONTHLY_USD, Offer(BillingPeriod.YEARLY, "JPY")}
    assert (committed.minimum, committed.maximum, committed.block_size) == (Decimal(3), Decimal("12.5"), None)
    assert (used.minimum, used.maximum, used.block_size) == (Decimal(1), None, Decimal(1000))
    assert [charge.name for charge in terms.charges] == ["Gates", "Departures", "Airline"]
    assert [charge.model for charge in terms.charges] == [
        BillingModel.PER_UNIT,
        BillingModel.USAGE_BASED,
        BillingModel.FLAT_FEE,
    ]
    assert (committed.unit, fixed.unit) == (Unit("gate", "gates"), Unit("unit", "units"))


def test_names_and_units_that_the_vendor_gave() -> None:
    version = plans.plan("airline", plans.departures())
    version.content.charges[0].display_name = "Take-offs"
    version.features[1].metered.unit_singular = "flight"
    version.features[1].metered.unit_plural = "flights of ours"
    [charge] = plan_terms_from_proto(version).charges
    assert (charge.name, charge.unit) == ("Take-offs", Unit("flight", "flights of ours"))


def test_a_free_plan() -> None:
    terms = plan_terms_from_proto(plans.plan("free"))
    assert (terms.free, terms.charges) == (True, ())


def test_what_is_not_known_here_is_refused() -> None:
    version = plans.plan("airline", plans.departures())
    version.content.charges[0].pricing_model = charge_pb2.PRICING_MODEL_UNSPECIFIED
    with pytest.raises(ValueError, match="not known here"):
        plan_terms_from_proto(version)
