"""Which charges are well formed, and which fit the features that they sell."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final

from catalog.domain.charge import MAX_TIER_ENDS, TIERED, BillingModel, Charge
from catalog.domain.choice import check_choice
from catalog.domain.feature import FeatureSpec, MeteredFeature, UsageBehavior, UsageSource
from catalog.domain.number import check_positive
from catalog.domain.price_rules import check_prices
from catalog.domain.text import MAX_DISPLAY_NAME, check_count
from catalog.domain.usage_reset import check_reset, divides
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.period import BillingPeriod
from kernel.pricing import PricingModel, whole_blocks
from kernel.quantity import format_decimal
from kernel.text import check_text

_ONE: Final = Decimal(1)


def check_charge(
    charge: Charge,
    features: Mapping[str, FeatureSpec],
    *,
    offered: frozenset[BillingPeriod],
    path: str,
    mistakes: Mistakes,
) -> None:
    """Notes every mistake of one charge.

    Args:
        charge: As the vendor wrote it.
        features: The features there are, by id.
        offered: The billing periods that resets must divide.
        path: Of the charge.
        mistakes: Takes the notes.
    """
    mistakes.attempt(check_id, charge.id, f"{path}.id")
    mistakes.attempt(check_text, charge.display_name, f"{path}.display_name", limit=MAX_DISPLAY_NAME)
    check_choice(charge.billing_model, BillingModel, path=f"{path}.billing_model", mistakes=mistakes)
    _check_models(charge, path, mistakes)
    feature = _check_feature(charge, features, path=path, mistakes=mistakes)
    _check_tier_ends(charge, path, mistakes)
    block_size = _check_block_size(charge, path, mistakes)
    check_prices(charge, path, mistakes)
    _check_quantities(charge, block_size, path=path, mistakes=mistakes)
    _check_usage_reset(charge, feature, offered=offered, path=f"{path}.usage_reset", mistakes=mistakes)


def _check_models(charge: Charge, path: str, mistakes: Mistakes) -> None:
    flat_fee = charge.billing_model is BillingModel.FLAT_FEE
    required = charge.billing_model is not None and not flat_fee
    check_choice(charge.pricing_model, PricingModel, path=f"{path}.pricing_model", mistakes=mistakes, required=required)
    if flat_fee and isinstance(charge.pricing_model, PricingModel):
        mistakes.add(f"{path}.pricing_model", "must be left out: a FLAT_FEE has no quantity to price")


def _check_feature(
    charge: Charge, features: Mapping[str, FeatureSpec], *, path: str, mistakes: Mistakes
) -> MeteredFeature | None:
    """The metered feature that the charge sells, if it does."""
    where = f"{path}.feature_id"
    if charge.billing_model is BillingModel.FLAT_FEE:
        if charge.feature_id:
            mistakes.add(where, "must be left out: a FLAT_FEE sells the whole, not a feature of it")
        return None
    if not charge.feature_id:
        if charge.billing_model is not None:
            mistakes.add(where, f"is required: {charge.billing_model} sells a metered feature")
        return None
    feature = features.get(charge.feature_id)
    if feature is None:
        mistakes.add(where, "must be the id of a feature: there is none with this one")
        return None
    if feature.type is None:
        return None
    if not isinstance(feature.type, MeteredFeature):
        mistakes.add(where, "must be a metered feature: only a quantity can be sold by the unit")
        return None
    _check_usage_based(charge, feature.type, path=where, mistakes=mistakes)
    return feature.type


def _check_usage_based(charge: Charge, feature: MeteredFeature, *, path: str, mistakes: Mistakes) -> None:
    by_report = feature.usage_source is UsageSource.CALCULATED
    fluctuates = feature.usage_behavior is UsageBehavior.FLUCTUATING
    if charge.billing_model is BillingModel.USAGE_BASED and fluctuates and by_report:
        message = "must not be FLUCTUATING and CALCULATED: its usage says what is held, not what was used in a period"
        mistakes.add(path, message)


def _check_tier_ends(charge: Charge, path: str, mistakes: Mistakes) -> None:
    where = f"{path}.tier_ends"
    if charge.tier_ends and _refuses(charge, TIERED):
        mistakes.add(where, "must be left out: only GRADUATED, VOLUME and STAIR_STEP have tiers")
    check_count(charge.tier_ends, where, mistakes, least=0, most=MAX_TIER_ENDS)
    below: Decimal | None = None
    for number, text in enumerate(charge.tier_ends):
        end = check_positive(text, f"{where}[{number}]", mistakes)
        if end is not None and below is not None and end <= below:
            mistakes.add(f"{where}[{number}]", f"must be above {format_decimal(below)}, the end of the tier before")
        if end is not None:
            below = end if below is None else max(below, end)


def _check_block_size(charge: Charge, path: str, mistakes: Mistakes) -> Decimal | None:
    where = f"{path}.block_size"
    if charge.block_size and _refuses(charge, {PricingModel.PACKAGE}):
        mistakes.add(where, "must be left out: only PACKAGE has blocks")
    if charge.block_size:
        return check_positive(charge.block_size, where, mistakes)
    if charge.pricing_model is PricingModel.PACKAGE and charge.billing_model is not BillingModel.FLAT_FEE:
        mistakes.add(where, "is required: the number of units in one block")
    return None


def _refuses(charge: Charge, models: AbstractSet[PricingModel]) -> bool:
    """Whether a field of these models must be left out; while the model is not known, only that is the mistake."""
    if charge.billing_model is BillingModel.FLAT_FEE:
        return True
    return isinstance(charge.pricing_model, PricingModel) and charge.pricing_model not in models


def _check_quantities(charge: Charge, block_size: Decimal | None, *, path: str, mistakes: Mistakes) -> None:
    bounds = {"minimum_quantity": charge.minimum_quantity, "maximum_quantity": charge.maximum_quantity}
    if charge.billing_model not in {BillingModel.PER_UNIT, None}:
        for name, text in bounds.items():
            if text:
                mistakes.add(f"{path}.{name}", "must be left out: only a PER_UNIT charge is committed to")
    read = {name: check_positive(text, f"{path}.{name}", mistakes) if text else None for name, text in bounds.items()}
    maximum = read["maximum_quantity"]
    minimum = read["minimum_quantity"] if charge.minimum_quantity else _ONE
    if maximum is None or minimum is None or charge.billing_model is not BillingModel.PER_UNIT:
        return
    blocks = charge.pricing_model is PricingModel.PACKAGE and block_size is not None
    least = whole_blocks(minimum, block_size) if blocks and block_size is not None else minimum
    if maximum < least:
        what = "the smallest commitment in whole blocks" if blocks else "the minimum"
        mistakes.add(f"{path}.maximum_quantity", f"must be at least {format_decimal(least)}, {what}")


def _check_usage_reset(
    charge: Charge,
    feature: MeteredFeature | None,
    *,
    offered: frozenset[BillingPeriod],
    path: str,
    mistakes: Mistakes,
) -> None:
    reset = charge.usage_reset
    if reset is None:
        return
    check_reset(reset, path, mistakes)
    if charge.billing_model is BillingModel.FLAT_FEE:
        mistakes.add(path, "must be left out: a FLAT_FEE grants no usage that could reset")
    if feature is not None and feature.usage_behavior is UsageBehavior.FLUCTUATING:
        mistakes.add(path, "must be left out: a FLUCTUATING feature never resets")
    undivided = [
        period
        for period in BillingPeriod
        if period in offered and reset.interval and not divides(reset.interval, period)
    ]
    if undivided:
        message = f"must divide each billing period that is offered: a {reset.interval} does not divide {undivided[0]}"
        mistakes.add(f"{path}.interval", message)
