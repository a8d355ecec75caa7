"""A charge: what is sold, how it is billed, and what it costs per billing period, currency and country."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from catalog.domain.choice import Unknown
from catalog.domain.feature import FeatureSpec, MeteredFeature, UsageBehavior
from catalog.domain.number import canonical
from catalog.domain.usage_reset import BY_BILLING_PERIOD, UsageReset, settle_reset
from kernel.period import BillingPeriod
from kernel.pricing import PricingModel

# n ends make n + 1 tiers.
MAX_TIER_ENDS: Final = 99
# Three billing periods in every currency, and some hundred countries with a price of their own.
MAX_PRICES: Final = 1_000

# The models whose prices are lists of tiers.
TIERED: Final = frozenset({PricingModel.GRADUATED, PricingModel.VOLUME, PricingModel.STAIR_STEP})


class BillingModel(StrEnum):
    """When a charge is billed, and on what quantity."""

    FLAT_FEE = "FLAT_FEE"
    PER_UNIT = "PER_UNIT"
    USAGE_BASED = "USAGE_BASED"


@dataclass(frozen=True, slots=True)
class TierPrice:
    """What one tier costs; empty where the pricing model has no such price."""

    unit_price: str = ""
    flat_fee: str = ""
    total_price: str = ""


@dataclass(frozen=True, slots=True)
class Price:
    """What a charge costs for one billing period and currency: an amount, or the prices of the tiers.

    Attributes:
        country: That it is for; empty: every country without a price of its own.
    """

    billing_period: BillingPeriod | None
    currency: str
    amount: str = ""
    tiers: tuple[TierPrice, ...] = ()
    country: str = ""

    @property
    def key(self) -> tuple[BillingPeriod | None, str, str]:
        """What the price is for."""
        return self.billing_period, self.currency, self.country


@dataclass(frozen=True, slots=True)
class Charge:
    """What is sold, how it is billed, and what it costs. Numbers are texts, empty where there is none.

    Attributes:
        display_name: Empty: people read the name of the feature, the plan or the add-on.
        feature_id: Empty for `FLAT_FEE`, which sells the plan or the add-on itself.
        pricing_model: None for `FLAT_FEE`.
        minimum_quantity: Of a `PER_UNIT` commitment: settled, always there.
        maximum_quantity: Of a `PER_UNIT` commitment; empty: any.
        usage_reset: Settled: None means that usage never resets.
    """

    id: str
    display_name: str
    billing_model: BillingModel | None
    feature_id: str
    pricing_model: PricingModel | Unknown | None
    prices: tuple[Price, ...]
    tier_ends: tuple[str, ...] = ()
    block_size: str = ""
    minimum_quantity: str = ""
    maximum_quantity: str = ""
    usage_reset: UsageReset | None = None


def settle_charge(charge: Charge, feature: FeatureSpec | None) -> Charge:
    """The checked charge with its defaults filled in and its numbers canonical."""
    minimum = charge.minimum_quantity or ("1" if charge.billing_model is BillingModel.PER_UNIT else "")
    return replace(
        charge,
        tier_ends=tuple(map(canonical, charge.tier_ends)),
        block_size=canonical(charge.block_size),
        prices=tuple(_settle_price(price, charge) for price in charge.prices),
        minimum_quantity=canonical(minimum),
        maximum_quantity=canonical(charge.maximum_quantity),
        usage_reset=settle_reset(charge.usage_reset or _default_reset(charge, feature)),
    )


def _settle_price(price: Price, charge: Charge) -> Price:
    no_fee = "" if charge.pricing_model is PricingModel.STAIR_STEP else "0"
    tiers = tuple(
        TierPrice(canonical(tier.unit_price), canonical(tier.flat_fee or no_fee), canonical(tier.total_price))
        for tier in price.tiers
    )
    return replace(price, amount=canonical(price.amount), tiers=tiers)


def _default_reset(charge: Charge, feature: FeatureSpec | None) -> UsageReset | None:
    if charge.billing_model is not BillingModel.USAGE_BASED or feature is None:
        return None
    resets = isinstance(feature.type, MeteredFeature) and feature.type.usage_behavior is UsageBehavior.INCREMENTAL
    return BY_BILLING_PERIOD if resets else None
