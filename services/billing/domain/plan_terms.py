"""What a plan version costs: read once from the catalog's message, then plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from kernel.errors import TollkeeperError, precondition
from kernel.period import BillingPeriod
from kernel.pricing import PriceList, whole_blocks

# A plan's id and version.
PlanKey: TypeAlias = tuple[str, int]


class BillingModel(StrEnum):
    """When a charge is billed, and on what quantity."""

    FLAT_FEE = "FLAT_FEE"
    PER_UNIT = "PER_UNIT"
    USAGE_BASED = "USAGE_BASED"


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """What a plan is sold for: a billing period, a currency (ISO 4217), and a country (ISO 3166-1), empty for any."""

    billing_period: BillingPeriod
    currency: str
    country: str = ""

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

    def price_list(self, offer: Offer) -> PriceList | None:
        """What it costs in the offer's country, else in any; None where it is not sold for the period and currency."""
        found = self.prices.get(offer)
        if found is None and offer.country:
            found = self.prices.get(Offer(offer.billing_period, offer.currency))
        return found

    def in_whole_blocks(self, quantity: Decimal) -> Decimal:
        """The quantity as it is committed: rounded up to whole blocks for `PACKAGE`, itself otherwise."""
        return quantity if self.block_size is None else whole_blocks(quantity, self.block_size)


@dataclass(frozen=True, slots=True)
class AddOnTerms:
    """An add-on as a plan version pins it.

    Attributes:
        name: What people read.
        charges: Fixed fees, due once for each unit held, and charges by usage; in the add-on's order.
        maximum: The greatest quantity.
        required: The add-ons that must be held as well.
    """

    id: str
    name: str
    charges: tuple[Charge, ...]
    maximum: int
    required: tuple[str, ...]


class TrialEnd(StrEnum):
    """What happens at the end of a trial."""

    CONVERT = "CONVERT"
    EXPIRE = "EXPIRE"


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """The trial that a new subscription begins with: so many days of local time."""

    days: int
    end: TrialEnd


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """One published version of a plan, as far as billing cares.

    Attributes:
        name: What people read for the plan.
        free: Every billing period and currency is offered, and nothing is charged.
        charges: In the plan's order.
        add_ons: Those that may be held with it, by id.
        trial: None: it has none.
        several: Whether a customer may hold several subscriptions, each on a resource.
    """

    plan_id: str
    version: int
    product_id: str
    name: str
    free: bool
    charges: tuple[Charge, ...]
    add_ons: Mapping[str, AddOnTerms] = field(default_factory=dict)
    trial: TrialTerms | None = None
    several: bool = False

    @property
    def key(self) -> PlanKey:
        """Names the version."""
        return self.plan_id, self.version

    def of_model(self, model: BillingModel) -> tuple[Charge, ...]:
        """The charges that are billed so, in the plan's order."""
        return tuple(charge for charge in self.charges if charge.model is model)


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A published version as the catalog sent it; immutable, so that it is kept for ever."""

    plan_id: str
    version: int
    content: bytes


# The versions that a subscription's periods were or are sold by.
Terms = Mapping[PlanKey, PlanTerms]


def check_offer(terms: PlanTerms, charges: Sequence[Charge], offer: Offer) -> None:
    """Refuses a billing period and currency for which not every charge has a price.

    Raises:
        TollkeeperError: `PRICE_NOT_OFFERED`; metadata "offered" lists what is.
    """
    if not all(charge.price_list(offer) is not None for charge in charges):
        raise _not_offered(terms, charges, offer)


def _not_offered(terms: PlanTerms, charges: Sequence[Charge], offer: Offer) -> TollkeeperError:
    common = set.intersection(*({replace(one, country="") for one in charge.prices} for charge in charges))
    order = list(BillingPeriod)
    offered = sorted(common, key=lambda one: (order.index(one.billing_period), one.currency))
    listed = ", ".join(str(one) for one in offered)
    what = "with these add-ons " if len(charges) > len(terms.charges) else ""
    return precondition(
        "PRICE_NOT_OFFERED",
        f"The plan {terms.plan_id} is {what}not offered {str(offer).replace(' ', ' in ')}. "
        f"It is offered: {listed or 'nowhere'}.",
        plan_id=terms.plan_id,
        offered=listed,
    ).at("billing_period", "currency")
