"""Values of the catalog's domain that the tests begin with."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from catalog.domain.carry_out import carry_out
from catalog.domain.catalog_application import Application
from catalog.domain.catalog_document import CatalogDocument, HeldCatalog, settle_document
from catalog.domain.charge import BillingModel, Charge, Price, TierPrice
from catalog.domain.document_rules import check_document
from catalog.domain.entitlement import Entitlement, EntitlementValue, MeteredEntitlement, Unlimited
from catalog.domain.feature import (
    BooleanFeature,
    EnumFeature,
    Feature,
    FeatureSpec,
    FeatureType,
    MeteredFeature,
    NumericFeature,
    UsageBehavior,
    UsageSource,
    create_feature,
    settle_feature,
)
from catalog.domain.meter import Aggregation, Meter
from catalog.domain.offering import OfferingSpec, create_offering
from catalog.domain.plan import Plan
from catalog.domain.plan_content import PlanContent, PricingType
from kernel.errors import Mistakes
from kernel.period import BillingPeriod
from kernel.pricing import PricingModel

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)

COUNT = Meter(("api.called",), (), Aggregation.COUNT)
MONTHLY, QUARTERLY, YEARLY = BillingPeriod.MONTHLY, BillingPeriod.QUARTERLY, BillingPeriod.YEARLY


def spec(id: str, type: FeatureType | None, display_name: str = "") -> FeatureSpec:
    """A feature as a vendor writes it."""
    return FeatureSpec(id, display_name, "", type)


SEATS = spec("seats", MeteredFeature(UsageBehavior.FLUCTUATING, UsageSource.CALCULATED))
TOKENS = spec("tokens", MeteredFeature(UsageBehavior.INCREMENTAL, UsageSource.CALCULATED))
CALLS = spec("calls", MeteredFeature(UsageBehavior.INCREMENTAL, UsageSource.EVENTS, COUNT))
STORAGE = spec("storage", MeteredFeature(UsageBehavior.FLUCTUATING, UsageSource.EVENTS, COUNT))
SSO = spec("sso", BooleanFeature())
SUPPORT = spec("support", EnumFeature(("email", "phone")))
DAYS = spec("days", NumericFeature("day", "days"))

FEATURES: Mapping[str, FeatureSpec] = {each.id: each for each in (SEATS, TOKENS, CALLS, STORAGE, SSO, SUPPORT, DAYS)}


def feature(written: FeatureSpec, **changes: Any) -> Feature:
    """A feature as the catalog holds it."""
    return replace(create_feature(settle_feature(written), NOW, revision=1), **changes)


def price(period: BillingPeriod | None = MONTHLY, currency: str = "USD", amount: str = "", *tiers: TierPrice) -> Price:
    """A price of an amount, or of tiers."""
    return Price(period, currency, amount, tiers)


FLAT_FEE = Charge("base", "", BillingModel.FLAT_FEE, "", None, (price(amount="99"),))
FLAT_RATE = Charge("seats", "", BillingModel.PER_UNIT, "seats", PricingModel.FLAT_RATE, (price(amount="20"),))
PACKAGE = Charge(
    "calls", "", BillingModel.USAGE_BASED, "calls", PricingModel.PACKAGE, (price(amount="5"),), block_size="25"
)
# The documents' own prices.
_TIERS = (TierPrice("20", "10"), TierPrice("15", "8"), TierPrice("10", "5"))
GRADUATED = replace(
    FLAT_RATE,
    pricing_model=PricingModel.GRADUATED,
    tier_ends=("5", "10"),
    prices=(Price(MONTHLY, "USD", tiers=_TIERS),),
)
VOLUME = replace(GRADUATED, pricing_model=PricingModel.VOLUME)
STAIR_STEP = replace(
    GRADUATED,
    pricing_model=PricingModel.STAIR_STEP,
    prices=(Price(MONTHLY, "USD", tiers=tuple(TierPrice(total_price=total) for total in ("100", "150", "200"))),),
)


def paid(*charges: Charge, entitlements: tuple[Entitlement, ...] = ()) -> PlanContent:
    """The content of a paid plan."""
    return PlanContent(entitlements, charges, PricingType.PAID)


def free(*entitlements: Entitlement) -> PlanContent:
    """The content of a free plan."""
    return PlanContent(entitlements, pricing_type=PricingType.FREE)


def entitled(feature_id: str, value: EntitlementValue | None = None) -> Entitlement:
    """An entitlement; unlimited unless said otherwise."""
    return Entitlement(feature_id, value or MeteredEntitlement(Unlimited()))


def plan(id: str = "gold", **changes: Any) -> Plan:
    """A plan without any version."""
    return replace(create_offering(Plan, OfferingSpec(id, "product", id.title(), ""), NOW, revision=1), **changes)


def mistakes_of(check: Callable[..., None], *args: Any, **kwargs: Any) -> dict[str, str]:
    """What a check notes, by path. It takes its arguments and `mistakes`."""
    mistakes = Mistakes()
    check(*args, mistakes=mistakes, **kwargs)
    return {violation.path: violation.message for violation in mistakes.found}


def apply(
    document: CatalogDocument, held: HeldCatalog, *, first_revision: int = 1, carry: bool = False
) -> tuple[Application, HeldCatalog]:
    """What applying a document does, and what the catalog holds of it afterwards."""
    check_document(document, held)
    settled = settle_document(document, held)
    done = carry_out(settled, held, now=LATER, revisions=count(first_revision), carry=carry)
    return done, HeldCatalog(
        features={**held.features, **{each.id: each for each in [*done.features.new, *done.features.changed]}},
        products={**held.products, **{each.id: each for each in [*done.products.new, *done.products.changed]}},
        add_ons={**held.add_ons, **{each.id: each for each in [*done.add_ons.new, *done.add_ons.changed]}},
        add_on_versions={**held.add_on_versions, **{each.id: each for each in done.add_on_versions}},
        plans={**held.plans, **{each.id: each for each in [*done.plans.new, *done.plans.changed]}},
        plan_versions={**held.plan_versions, **{each.id: each for each in done.plan_versions}},
        coupons={**held.coupons, **{each.id: each for each in [*done.coupons.new, *done.coupons.changed]}},
    )
