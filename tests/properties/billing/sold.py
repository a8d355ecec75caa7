"""What an accountant knows of plans: what each sells, and what of it is held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from tests.properties.billing.arithmetic import MONTHS, Price, added


@dataclass(frozen=True)
class Sold:
    """A commitment that a plan sells, with its prices by billing period."""

    prices: Mapping[str, Price]
    least: Fraction
    most: Fraction | None

    def whole(self, quantity: Fraction) -> Fraction:
        """The quantity as it is committed: in whole blocks."""
        some = next(iter(self.prices.values()))
        return -(-quantity // some.block) * Fraction(some.block) if some.model == "PACKAGE" else quantity

    def takes(self, quantity: Fraction) -> bool:
        """Whether so much may be committed."""
        whole = self.whole(quantity)
        return whole >= self.least and (self.most is None or whole <= self.most)


@dataclass(frozen=True)
class Plan:
    """A plan version: prices by billing period, commitments by feature, add-ons by name; without prices of usage it sells none."""

    id: str
    version: int
    fees: Mapping[str, Fraction]
    commitments: Mapping[str, Sold]
    usage: Mapping[str, Price]
    add_ons: Mapping[str, Mapping[str, Fraction]]


@dataclass(frozen=True)
class Holds:
    """What is held."""

    plan: Plan = field(compare=False)
    key: tuple[str, int]
    billing: str
    commitments: Mapping[str, Fraction]
    add_ons: Mapping[str, int]

    def items(self) -> dict[tuple[str, str], Fraction]:
        """What each item costs for a whole period."""
        plan, found = self.plan, {(self.plan.id, "fee"): self.plan.fees[self.billing]}
        for feature, quantity in self.commitments.items():
            found[plan.id, feature] = plan.commitments[feature].prices[self.billing].of(quantity)
        for name, number in self.add_ons.items():
            found[name, "add-on"] = plan.add_ons[name][self.billing] * number
        return found

    def per_month(self) -> Fraction:
        """What it costs in advance a month."""
        return added(self.items().values()) / MONTHS[self.billing]


def holds(plan: Plan, billing: str, commitments: Mapping[str, Fraction], add_ons: Mapping[str, int]) -> Holds:
    """What of the named can be held of the plan; of a commitment that cannot, its minimum."""
    quantities = {
        feature: sold.whole(commitments[feature] if sold.takes(commitments.get(feature, Fraction(0))) else sold.least)
        for feature, sold in plan.commitments.items()
    }
    extras = {name: number for name, number in add_ons.items() if name in plan.add_ons and number}
    return Holds(plan, (plan.id, plan.version), billing, quantities, extras)
