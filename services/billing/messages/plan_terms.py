"""Published plan versions in the catalog's messages: read into terms once, since they never change."""

from collections.abc import Sequence
from decimal import Decimal

from billing.domain.plan_terms import (
    AddOnTerms,
    BillingModel,
    Charge,
    Offer,
    PlanDocument,
    PlanTerms,
    TrialEnd,
    TrialTerms,
    Unit,
)
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Graduated, Package, PriceList, StairStep, StairStepTier, Tier, Volume
from kernel.quantity import ZERO
from tollkeeper.catalog.v1 import add_on_pb2, charge_pb2, feature_pb2, plan_pb2

# The contract's bound of an add-on without one of its own.
_MOST_ADD_ONS = 1_000_000


def plan_terms(document: PlanDocument) -> PlanTerms:
    """The terms of a published version.

    Raises:
        ValueError: The document speaks of something that this version of billing cannot price.
    """
    return plan_terms_from_proto(plan_pb2.PlanVersion.FromString(document.content))


def plan_document(message: plan_pb2.PlanVersion) -> PlanDocument:
    """A published version as it is kept."""
    return PlanDocument(message.plan_id, message.version, message.SerializeToString(deterministic=True))


def plan_terms_from_proto(message: plan_pb2.PlanVersion) -> PlanTerms:
    """The terms of a published version, which is complete."""
    features = {feature.id: feature for feature in message.features}
    content = message.content
    name = message.display_name or message.plan_id
    return PlanTerms(
        plan_id=message.plan_id,
        version=message.version,
        product_id=message.product_id,
        name=name,
        free=content.pricing_type != plan_pb2.PRICING_TYPE_PAID,
        charges=tuple(_charge(charge, features.get(charge.feature_id), name) for charge in content.charges),
        add_ons={add_on.add_on_id: _add_on(add_on) for add_on in message.add_ons},
        trial=_trial(content.trial) if content.HasField("trial") else None,
        several=message.multiple_subscriptions,
    )


def _add_on(message: add_on_pb2.AddOnVersion) -> AddOnTerms:
    features = {feature.id: feature for feature in message.features}
    name = message.display_name or message.add_on_id
    charges = message.content.charges
    return AddOnTerms(
        id=message.add_on_id,
        name=name,
        charges=tuple(_charge(charge, features.get(charge.feature_id), name) for charge in charges),
        maximum=message.content.maximum_quantity or _MOST_ADD_ONS,
        required=tuple(message.content.required_add_on_ids),
    )


def _trial(message: plan_pb2.Trial) -> TrialTerms:
    expires = message.end_behavior == plan_pb2.TRIAL_END_BEHAVIOR_EXPIRE
    return TrialTerms(message.duration_days, TrialEnd.EXPIRE if expires else TrialEnd.CONVERT)


def _charge(charge: charge_pb2.Charge, feature: feature_pb2.Feature | None, plan_name: str) -> Charge:
    model = BillingModel(charge_pb2.BillingModel.Name(charge.billing_model).removeprefix("BILLING_MODEL_"))
    feature_name = "" if feature is None else feature.display_name
    return Charge(
        id=charge.id,
        model=model,
        name=charge.display_name or feature_name or charge.feature_id or plan_name,
        feature_id=charge.feature_id,
        unit=_unit(feature),
        minimum=Decimal(charge.minimum_quantity or 1),
        maximum=Decimal(charge.maximum_quantity) if charge.maximum_quantity else None,
        block_size=Decimal(charge.block_size) if charge.block_size else None,
        prices={_offer(price): _price_list(charge, price) for price in charge.prices},
    )


def _unit(feature: feature_pb2.Feature | None) -> Unit:
    metered = feature_pb2.MeteredFeature() if feature is None else feature.metered
    singular = metered.unit_singular or "unit"
    return Unit(singular, metered.unit_plural or f"{singular}s")


def _offer(price: charge_pb2.Price) -> Offer:
    name = charge_pb2.BillingPeriod.Name(price.billing_period).removeprefix("BILLING_PERIOD_")
    return Offer(BillingPeriod(name), price.currency, price.country)


def _price_list(charge: charge_pb2.Charge, price: charge_pb2.Price) -> PriceList:
    match charge.pricing_model:
        case charge_pb2.PRICING_MODEL_FLAT_RATE:
            return FlatRate(Decimal(price.amount))
        case charge_pb2.PRICING_MODEL_UNSPECIFIED if charge.billing_model == charge_pb2.BILLING_MODEL_FLAT_FEE:
            return FlatRate(Decimal(price.amount))
        case charge_pb2.PRICING_MODEL_PACKAGE:
            return Package(Decimal(charge.block_size), Decimal(price.amount))
        case charge_pb2.PRICING_MODEL_GRADUATED:
            return Graduated(_tiers(charge.tier_ends, price.tiers))
        case charge_pb2.PRICING_MODEL_VOLUME:
            return Volume(_tiers(charge.tier_ends, price.tiers))
        case charge_pb2.PRICING_MODEL_STAIR_STEP:
            ends = _ends(charge.tier_ends)
            totals = [Decimal(tier.total_price) for tier in price.tiers]
            return StairStep(tuple(StairStepTier(end, total) for end, total in zip(ends, totals, strict=True)))
        case _:
            raise ValueError(f"the charge {charge.id} has a pricing model that is not known here")


def _tiers(tier_ends: Sequence[str], prices: Sequence[charge_pb2.TierPrice]) -> tuple[Tier, ...]:
    return tuple(
        Tier(end, Decimal(price.unit_price), Decimal(price.flat_fee) if price.flat_fee else ZERO)
        for end, price in zip(_ends(tier_ends), prices, strict=True)
    )


def _ends(tier_ends: Sequence[str]) -> list[Decimal | None]:
    return [*(Decimal(end) for end in tier_ends), None]
