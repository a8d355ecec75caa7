"""Charges in messages."""

from itertools import islice

from catalog.domain.charge import MAX_PRICES, MAX_TIER_ENDS, BillingModel, Charge, Price, TierPrice
from catalog.messages.entitlement import usage_reset_from_proto, usage_reset_to_proto
from catalog.messages.enums import enum_from_proto, enum_to_proto, required_from_proto
from kernel.period import BillingPeriod
from kernel.pricing import PricingModel
from tollkeeper.catalog.v1 import charge_pb2 as pb


def charge_to_proto(charge: Charge) -> pb.Charge:
    """A charge as the contract shows it."""
    return pb.Charge(
        id=charge.id,
        display_name=charge.display_name,
        billing_model=enum_to_proto(pb.BillingModel, charge.billing_model),
        feature_id=charge.feature_id,
        pricing_model=enum_to_proto(pb.PricingModel, charge.pricing_model),
        tier_ends=charge.tier_ends,
        block_size=charge.block_size,
        prices=map(_price_to_proto, charge.prices),
        minimum_quantity=charge.minimum_quantity,
        maximum_quantity=charge.maximum_quantity,
        usage_reset=usage_reset_to_proto(charge.usage_reset),
    )


def charge_from_proto(message: pb.Charge) -> Charge:
    """A charge as the caller gives it; lists that are too long are cut after the first entry too many."""
    return Charge(
        id=message.id,
        display_name=message.display_name,
        billing_model=required_from_proto(pb.BillingModel, BillingModel, message.billing_model),
        feature_id=message.feature_id,
        pricing_model=enum_from_proto(pb.PricingModel, PricingModel, message.pricing_model),
        prices=tuple(map(_price_from_proto, islice(message.prices, MAX_PRICES + 1))),
        tier_ends=tuple(islice(message.tier_ends, MAX_TIER_ENDS + 1)),
        block_size=message.block_size,
        minimum_quantity=message.minimum_quantity,
        maximum_quantity=message.maximum_quantity,
        usage_reset=usage_reset_from_proto(message.usage_reset) if message.HasField("usage_reset") else None,
    )


def _price_to_proto(price: Price) -> pb.Price:
    tiers = [
        pb.TierPrice(unit_price=tier.unit_price, flat_fee=tier.flat_fee, total_price=tier.total_price)
        for tier in price.tiers
    ]
    return pb.Price(
        billing_period=enum_to_proto(pb.BillingPeriod, price.billing_period),
        currency=price.currency,
        amount=price.amount,
        tiers=tiers,
        country=price.country,
    )


def _price_from_proto(message: pb.Price) -> Price:
    tiers = islice(message.tiers, MAX_TIER_ENDS + 2)
    return Price(
        billing_period=required_from_proto(pb.BillingPeriod, BillingPeriod, message.billing_period),
        currency=message.currency,
        amount=message.amount,
        tiers=tuple(TierPrice(tier.unit_price, tier.flat_fee, tier.total_price) for tier in tiers),
        country=message.country,
    )
