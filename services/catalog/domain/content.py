"""What a plan or an add-on includes and what it costs: the part of their contents that is the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from catalog.domain.charge import BillingModel, Charge, settle_charge
from catalog.domain.charge_rules import check_charge
from catalog.domain.entitlement import Entitlement, settle_entitlement
from catalog.domain.entitlement_rules import check_entitlements
from catalog.domain.feature import FeatureSpec
from catalog.domain.offering_kind import Reference
from catalog.domain.text import check_count, check_unique
from kernel.errors import Mistakes
from kernel.money import CURRENCIES
from kernel.period import BillingPeriod

Offer = tuple[BillingPeriod, str]


@dataclass(frozen=True, slots=True)
class Content:
    """What is included and what it costs. The order of entitlements, charges and prices means nothing."""

    entitlements: tuple[Entitlement, ...] = ()
    charges: tuple[Charge, ...] = ()

    @property
    def feature_ids(self) -> frozenset[str]:
        """The features that the content names."""
        named = {each.feature_id for each in self.entitlements} | {charge.feature_id for charge in self.charges}
        return frozenset(named - {""})

    @property
    def charged_feature_ids(self) -> frozenset[str]:
        """The features that a charge sells and grants."""
        sold = {charge.feature_id for charge in self.charges if charge.billing_model is not BillingModel.FLAT_FEE}
        return frozenset(sold - {""})

    @property
    def references(self) -> tuple[Reference, ...]:
        """The plans and add-ons that the content names."""
        return ()

    @property
    def links(self) -> tuple[str, ...]:
        """Of those the ones of its own kind: a plan's base plan, the add-ons that an add-on requires."""
        return ()


C = TypeVar("C", bound=Content)


def offers(content: Content) -> frozenset[Offer]:
    """The billing periods and currencies for which every charge has a price of no country; none without charges."""
    priced = [_priced(charge) for charge in content.charges]
    return frozenset.intersection(*priced) if priced else frozenset()


def check_parts(
    content: Content,
    features: Mapping[str, FeatureSpec],
    *,
    most_entitlements: int,
    most_charges: int,
    path: str,
    mistakes: Mistakes,
) -> None:
    """Notes every mistake of the entitlements and charges themselves.

    Args:
        content: As the vendor wrote it.
        features: The features there are, by id.
        most_entitlements: How many entitlements there may be.
        most_charges: How many charges there may be.
        path: Of the content.
        mistakes: Takes the notes.
    """
    check_entitlements(
        content.entitlements,
        features,
        charged=content.charged_feature_ids,
        most=most_entitlements,
        path=f"{path}.entitlements",
        mistakes=mistakes,
    )
    where = f"{path}.charges"
    check_count(content.charges, where, mistakes, least=0, most=most_charges)
    check_unique([charge.id for charge in content.charges], where, mistakes, field="id")
    check_unique([charge.feature_id for charge in content.charges], where, mistakes, field="feature_id")
    offered = offers(content)
    for number, charge in enumerate(content.charges):
        # Where nothing is offered yet, the charge's own periods are what a reset will have to divide.
        periods = _periods(offered or _priced(charge))
        check_charge(charge, features, offered=periods, path=f"{where}[{number}]", mistakes=mistakes)
    if not offered and content.charges and all(map(_priced, content.charges)):
        message = "must have a billing period and currency in common: a subscription pays all its charges in one"
        mistakes.add(where, message)


def settle_parts(content: C, features: Mapping[str, FeatureSpec]) -> C:
    """The checked content with its defaults filled in and its numbers canonical. Names stay as they were written."""
    return replace(
        content,
        entitlements=tuple(map(settle_entitlement, content.entitlements)),
        charges=tuple(settle_charge(charge, features.get(charge.feature_id)) for charge in content.charges),
    )


def named_content(content: C, features: Mapping[str, FeatureSpec], name: str) -> C:
    """The content with every charge's name: where none was given, `default_name`."""
    charges = (
        replace(charge, display_name=charge.display_name or default_name(charge, features, name))
        for charge in content.charges
    )
    return replace(content, charges=tuple(charges))


def default_name(charge: Charge, features: Mapping[str, FeatureSpec], name: str) -> str:
    """What people read for a charge without a name: the feature's, or the plan's or add-on's; empty for a feature not
    known.
    """
    if not charge.feature_id:
        return name
    feature = features.get(charge.feature_id)
    return "" if feature is None else feature.display_name


def _priced(charge: Charge) -> frozenset[Offer]:
    return frozenset(
        (price.billing_period, price.currency)
        for price in charge.prices
        if price.billing_period is not None and price.currency in CURRENCIES and not price.country
    )


def _periods(offered: Iterable[Offer]) -> frozenset[BillingPeriod]:
    return frozenset(period for period, _ in offered)
