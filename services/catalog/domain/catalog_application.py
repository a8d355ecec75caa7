"""What the catalog becomes when a document is applied, and what happens on the way."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.domain.catalog_diff import ResourceChange
from catalog.domain.coupon import Coupon
from catalog.domain.feature import Feature
from catalog.domain.offering import Offering
from catalog.domain.plan import Plan, PlanVersion
from catalog.domain.product import Product

Thing = Feature | Product | Offering | Coupon
T = TypeVar("T", bound=Thing)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the world must hear of: "created", "updated" or "published", with the thing's whole state."""

    verb: str
    thing: Thing


@dataclass(slots=True)
class Written(Generic[T]):
    """The new state of the things of one kind that change."""

    new: list[T] = field(default_factory=list)
    changed: list[T] = field(default_factory=list)


@dataclass(slots=True)
class Application:
    """How everything differs, the new state of what changes, and what happened, in order. Not frozen: it grows.

    Attributes:
        changes: One for each thing of the document, in its order.
    """

    changes: list[ResourceChange] = field(default_factory=list)
    features: Written[Feature] = field(default_factory=Written)
    products: Written[Product] = field(default_factory=Written)
    add_ons: Written[AddOn] = field(default_factory=Written)
    add_on_versions: list[AddOnVersion] = field(default_factory=list)
    plans: Written[Plan] = field(default_factory=Written)
    plan_versions: list[PlanVersion] = field(default_factory=list)
    coupons: Written[Coupon] = field(default_factory=Written)
    happenings: list[Happening] = field(default_factory=list)
