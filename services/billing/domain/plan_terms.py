"""What a plan version costs: read once from the catalog's message, then plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from kernel.errors import TollkeeperError, precondition
from kernel.period import BillingPeriod
from kernel.pricing import PriceList, whole_blocks


class BillingModel(StrEnum):
    """When a charge is billed, and on what quantity."""

    FLAT_FEE = "FLAT_FEE"
    PER_UNIT = "PER_UNIT"
    USAGE_BASED = "USAGE_BASED"


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """A billing period and currency that a plan is sold for; the currency is an ISO 4217 code."""

    billing_period: BillingPeriod
    currency: str

    def __str__(self) -> str:
        return f"{self.billing_period} {self.currency}"


@dataclass(frozen=True, slots=True)
class Unit:
    """How a quantity is read: "1 gate", "20 gates"."""

    singular: str
    plural: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What is sold, and what it costs in each offer.

    Attributes:
        name: What people read on the invoice.
        feature_id: Empty for a fixed fee.
        minimum: The least commitment.
        maximum: The greatest commitment; None for any.
        block_size: The units of one block of a `PACKAGE`; None for the other models.
    """

    id: str
    model: BillingModel
    name: str
    feature_id: str
    unit: Unit
    minimum: Decimal
    maximum: Decimal | None
    block_size: Decimal | None
    prices: Mapping[Offer, PriceList]

    def in_whole_blocks(self, quantity: Decimal) -> Decimal:
        """The quantity as it is committed: rounded up to whole blocks for `PACKAGE`, itself otherwise."""
        return quantity if self.block_size is None else whole_blocks(quantity, self.block_size)


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """One published version of a plan, as far as billing cares.

    Attributes:
        name: What people read for the plan.
        free: Every billing period and currency is offered, and nothing is charged.
        charges: In the plan's order.
    """

    plan_id: str
    version: int
    product_id: str
    name: str
    free: bool
    charges: tuple[Charge, ...]

    def of_model(self, model: BillingModel) -> tuple[Charge, ...]:
        """The charges that are billed so, in the plan's order."""
        return tuple(charge for charge in self.charges if charge.model is model)


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A published version as the catalog sent it; immutable, so that it is kept for ever."""

    plan_id: str
    version: int
    content: bytes


def check_offer(terms: PlanTerms, offer: Offer) -> None:
    """Refuses a billing period and currency for which not every charge has a price.

    Raises:
        TollkeeperError: `PRICE_NOT_OFFERED`; metadata "offered" lists what is.
    """
    if not terms.free and not all(offer in charge.prices for charge in terms.charges):
        raise _not_offered(terms, offer)


def _not_offered(terms: PlanTerms, offer: Offer) -> TollkeeperError:
    common = set.intersection(*(set(charge.prices) for charge in terms.charges))
    order = list(BillingPeriod)
    offered = sorted(common, key=lambda one: (order.index(one.billing_period), one.currency))
    listed = ", ".join(str(one) for one in offered)
    return precondition(
        "PRICE_NOT_OFFERED",
        f"The plan {terms.plan_id} is not offered {str(offer).replace(' ', ' in ')}. It is offered: {listed}.",
        plan_id=terms.plan_id,
        offered=listed,
    )
