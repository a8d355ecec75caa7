"""What a subscription holds: a plan version with commitments and add-ons, and what of it is charged.

A holding is a value; that of a subscription now, those of earlier in its period and the one scheduled for the next are all alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from billing.domain.commitment import Commitment
from billing.domain.plan_terms import BillingModel, Charge, Offer, PlanKey, PlanTerms
from kernel.period import BillingPeriod
from kernel.pricing import PriceList, price
from kernel.quantity import ZERO

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class HeldAddOn:
    """How many of an add-on are held: at least 1."""

    add_on_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held at a time.

    Attributes:
        commitments: One for each `PER_UNIT` charge of the plan, in the order of feature ids.
        add_ons: In the order of their ids.
    """

    plan_id: str
    plan_version: int
    billing_period: BillingPeriod
    commitments: tuple[Commitment, ...]
    add_ons: tuple[HeldAddOn, ...] = ()

    @property
    def plan_key(self) -> PlanKey:
        """The plan version."""
        return self.plan_id, self.plan_version

    def committed(self, feature_id: str) -> Decimal:
        """The committed quantity; zero where the feature is not committed."""
        return next((one.quantity for one in self.commitments if one.feature_id == feature_id), ZERO)


class AdvanceKind(StrEnum):
    """What is charged in advance."""

    FLAT_FEE = "FLAT_FEE"
    COMMITMENT = "COMMITMENT"
    ADD_ON = "ADD_ON"


class ItemKey(NamedTuple):
    """Names an item: through a period, and through versions of its plan, it stays the same one."""

    kind: AdvanceKind
    source_id: str
    charge_id: str


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is charged in advance.

    Attributes:
        source_name: What people read for the plan or add-on.
        name: What people read for the charge.
        quantity: The commitment, the number of add-ons, or 1.
        price_list: Of a whole period.
    """

    key: ItemKey
    source_name: str
    name: str
    charge: Charge
    quantity: Decimal
    price_list: PriceList
    plan_key: PlanKey


@dataclass(frozen=True, slots=True)
class UsageItem:
    """Something that is charged by usage, after the period."""

    source_id: str
    charge: Charge
    price_list: PriceList
    plan_key: PlanKey


def items(holding: Holding, terms: PlanTerms, offer: Offer) -> dict[ItemKey, Item]:
    """What the holding charges in advance, in the plan's order, its add-ons last; the offer is known to be made."""
    found = {}
    for charge in terms.charges:
        match charge.model:
            case BillingModel.FLAT_FEE:
                key, quantity = ItemKey(AdvanceKind.FLAT_FEE, terms.plan_id, charge.id), _ONE
            case BillingModel.PER_UNIT:
                key = ItemKey(AdvanceKind.COMMITMENT, terms.plan_id, charge.id)
                quantity = holding.committed(charge.feature_id)
            case BillingModel.USAGE_BASED:
                continue
        prices = _price_list(charge, offer)
        found[key] = Item(key, terms.name, charge.name, charge, quantity, prices, terms.key)
    for held in holding.add_ons:
        add_on = terms.add_ons[held.add_on_id]
        for charge in add_on.charges:
            if charge.model is BillingModel.FLAT_FEE:
                key, prices = ItemKey(AdvanceKind.ADD_ON, add_on.id, charge.id), _price_list(charge, offer)
                quantity = Decimal(held.quantity)
                found[key] = Item(key, add_on.name, charge.name, charge, quantity, prices, terms.key)
    return found


def usage_items(holding: Holding, terms: PlanTerms, offer: Offer) -> dict[str, UsageItem]:
    """What the holding charges by usage, by feature id: no feature is charged for twice."""
    return {
        charge.feature_id: UsageItem(source_id, charge, _price_list(charge, offer), terms.key)
        for source_id, charge in charges_held(holding, terms)
        if charge.model is BillingModel.USAGE_BASED
    }


def charges_held(holding: Holding, terms: PlanTerms) -> Iterator[tuple[str, Charge]]:
    """All charges of the plan and the add-ons held, each with the id of its plan or add-on."""
    for charge in terms.charges:
        yield terms.plan_id, charge
    for held in holding.add_ons:
        for charge in terms.add_ons[held.add_on_id].charges:
            yield held.add_on_id, charge


def price_per_month(holding: Holding, terms: PlanTerms, offer: Offer) -> Fraction:
    """What the holding costs in advance per month, exact; a year is twelve months."""
    found = items(holding, terms, offer).values()
    whole = sum((Fraction(price(item.price_list, item.quantity).amount) for item in found), Fraction(0))
    return whole / offer.billing_period.months


def quantities(holding: Holding) -> Mapping[str, Decimal]:
    """The committed quantities by feature."""
    return {one.feature_id: one.quantity for one in holding.commitments}


def _price_list(charge: Charge, offer: Offer) -> PriceList:
    found = charge.price_list(offer)
    if found is None:
        raise LookupError(f"the charge {charge.id} has no price {offer}")
    return found
