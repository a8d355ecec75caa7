"""What a plan includes and what it costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from catalog.domain.charge import MAX_CHARGES, BillingModel, Charge, settle_charge
from catalog.domain.charge_rules import check_charge
from catalog.domain.choice import check_choice
from catalog.domain.entitlement import Entitlement, check_entitlements, settle_entitlement
from catalog.domain.feature import FeatureSpec
from catalog.domain.text import check_count, check_unique
from kernel.errors import Mistakes
from kernel.money import CURRENCIES
from kernel.period import BillingPeriod


class PricingType(StrEnum):
    """How a plan is priced."""

    FREE = "FREE"
    PAID = "PAID"


@dataclass(frozen=True, slots=True)
class PlanContent:
    """What a plan includes and what it costs. The order of entitlements, charges and prices means nothing."""

    pricing_type: PricingType | None
    entitlements: tuple[Entitlement, ...] = ()
    charges: tuple[Charge, ...] = ()

    @property
    def feature_ids(self) -> frozenset[str]:
        """The features that the content names."""
        named = {each.feature_id for each in self.entitlements} | {charge.feature_id for charge in self.charges}
        return frozenset(named - {""})


Offer = tuple[BillingPeriod, str]


def offers(content: PlanContent) -> frozenset[Offer]:
    """The billing periods and currencies for which every charge has a price; none without charges."""
    priced = [_priced(charge) for charge in content.charges]
    return frozenset.intersection(*priced) if priced else frozenset()


def check_content(content: PlanContent, features: Mapping[str, FeatureSpec], *, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a plan's content.

    Args:
        content: As the vendor wrote it.
        features: The features there are, by id.
        path: Of the content.
        mistakes: Takes the notes.
    """
    check_choice(content.pricing_type, PricingType, path=f"{path}.pricing_type", mistakes=mistakes)
    charged = frozenset(
        charge.feature_id for charge in content.charges if charge.billing_model is not BillingModel.FLAT_FEE
    ) - {""}
    check_entitlements(content.entitlements, features, charged=charged, path=f"{path}.entitlements", mistakes=mistakes)
    where = f"{path}.charges"
    check_count(content.charges, where, mistakes, least=0, most=MAX_CHARGES)
    check_unique([charge.id for charge in content.charges], where, mistakes, field="id")
    check_unique([charge.feature_id for charge in content.charges], where, mistakes, field="feature_id")
    _check_pricing(content, where, mistakes)
    offered = offers(content)
    for number, charge in enumerate(content.charges):
        # Where the plan offers nothing yet, the charge's own periods are what a reset will have to divide.
        periods = _periods(offered or _priced(charge))
        check_charge(charge, features, offered=periods, path=f"{where}[{number}]", mistakes=mistakes)


def settle_content(content: PlanContent, features: Mapping[str, FeatureSpec]) -> PlanContent:
    """The checked content with its defaults filled in and its numbers canonical. Names stay as they were written."""
    return replace(
        content,
        entitlements=tuple(map(settle_entitlement, content.entitlements)),
        charges=tuple(settle_charge(charge, features.get(charge.feature_id)) for charge in content.charges),
    )


def named_content(content: PlanContent, features: Mapping[str, FeatureSpec], plan_name: str) -> PlanContent:
    """The content with every charge's name: where none was given, `default_name`."""
    charges = (
        replace(charge, display_name=charge.display_name or default_name(charge, features, plan_name))
        for charge in content.charges
    )
    return replace(content, charges=tuple(charges))


def default_name(charge: Charge, features: Mapping[str, FeatureSpec], plan_name: str) -> str:
    """What people read for a charge without a name: the feature's or the plan's; empty for a feature not known."""
    if not charge.feature_id:
        return plan_name
    feature = features.get(charge.feature_id)
    return "" if feature is None else feature.display_name


def _check_pricing(content: PlanContent, path: str, mistakes: Mistakes) -> None:
    if content.pricing_type is PricingType.FREE and content.charges:
        mistakes.add(path, "must be empty: a FREE plan has no charges")
    if content.pricing_type is not PricingType.PAID:
        return
    if not content.charges:
        mistakes.add(path, "must have at least one charge: the plan is PAID")
    elif not offers(content) and all(map(_priced, content.charges)):
        message = "must have a billing period and currency in common: a subscription pays all its charges in one"
        mistakes.add(path, message)


def _priced(charge: Charge) -> frozenset[Offer]:
    return frozenset(
        (price.billing_period, price.currency)
        for price in charge.prices
        if price.billing_period is not None and price.currency in CURRENCIES
    )


def _periods(offered: Iterable[Offer]) -> frozenset[BillingPeriod]:
    return frozenset(period for period, _ in offered)
