"""A product: what is sold as one."""

from dataclasses import dataclass, replace
from datetime import datetime

from catalog.domain.text import check_names
from kernel.errors import Mistakes
from kernel.ids import check_id


@dataclass(frozen=True, slots=True)
class ProductSpec:
    """What a vendor says of a product."""

    id: str
    display_name: str
    description: str
    multiple_subscriptions: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the catalog holds it.

    Attributes:
        multiple_subscriptions: Whether a customer may hold several live subscriptions, each on a resource of its own.
    """

    id: str
    display_name: str
    description: str
    revision: int
    create_time: datetime
    update_time: datetime
    multiple_subscriptions: bool = False

    @property
    def spec(self) -> ProductSpec:
        """What the vendor said of it."""
        return ProductSpec(self.id, self.display_name, self.description, self.multiple_subscriptions)


def check_product(spec: ProductSpec, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a product."""
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    check_names(spec.display_name, spec.description, path=path, mistakes=mistakes)


def settle_product(spec: ProductSpec) -> ProductSpec:
    """The checked product with its defaults filled in."""
    return replace(spec, display_name=spec.display_name or spec.id)


def create_product(spec: ProductSpec, now: datetime, *, revision: int) -> Product:
    """A new product of a settled spec."""
    return Product(
        spec.id,
        spec.display_name,
        spec.description,
        revision,
        now,
        now,
        multiple_subscriptions=spec.multiple_subscriptions,
    )


def change_product(product: Product, spec: ProductSpec, now: datetime, *, revision: int) -> Product:
    """The product with all that a settled spec says but its id."""
    return replace(
        product,
        display_name=spec.display_name,
        description=spec.description,
        multiple_subscriptions=spec.multiple_subscriptions,
        revision=revision,
        update_time=now,
    )
