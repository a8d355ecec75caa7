"""A product: what is sold as one."""

from dataclasses import dataclass
from datetime import datetime

from kernel.errors import Mistakes
from kernel.ids import check_id

from catalog.domain.text import check_text


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


def check_product(spec: ProductSpec, path: str) -> None:
    """Refuses a malformed product.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    mistakes.attempt(check_text, spec.display_name, f"{path}.display_name", limit=200)
    mistakes.attempt(check_text, spec.description, f"{path}.description", limit=2_000)
    mistakes.check()


def create_product(spec: ProductSpec, now: datetime, *, revision: int) -> Product:
    """A new product."""
    return Product(spec.id, spec.display_name, spec.description, revision, now, now)
