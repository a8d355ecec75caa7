"""A product: what is sold as one."""

from dataclasses import dataclass, replace
from datetime import datetime

from catalog.domain.text import MAX_DESCRIPTION, MAX_DISPLAY_NAME
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.text import check_text


@dataclass(frozen=True, slots=True)
class ProductSpec:
    """What a vendor says of a product."""

    id: str
    display_name: str
    description: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the catalog holds it."""

    id: str
    display_name: str
    description: str
    revision: int
    create_time: datetime
    update_time: datetime

    @property
    def spec(self) -> ProductSpec:
        """What the vendor said of it."""
        return ProductSpec(self.id, self.display_name, self.description)


def check_product(spec: ProductSpec, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a product."""
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    mistakes.attempt(check_text, spec.display_name, f"{path}.display_name", limit=MAX_DISPLAY_NAME)
    mistakes.attempt(check_text, spec.description, f"{path}.description", limit=MAX_DESCRIPTION)


def settle_product(spec: ProductSpec) -> ProductSpec:
    """The checked product with its defaults filled in."""
    return replace(spec, display_name=spec.display_name or spec.id)


def create_product(spec: ProductSpec, now: datetime, *, revision: int) -> Product:
    """A new product of a settled spec."""
    return Product(spec.id, spec.display_name, spec.description, revision, now, now)


def change_product(product: Product, spec: ProductSpec, now: datetime, *, revision: int) -> Product:
    """The product with the name and description of a settled spec."""
    return replace(
        product, display_name=spec.display_name, description=spec.description, revision=revision, update_time=now
    )
