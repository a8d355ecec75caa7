"""An add-on: something that is bought beside a plan, once or many times."""

from dataclasses import dataclass
from typing import ClassVar

from catalog.domain.add_on_content import AddOnContent
from catalog.domain.offering import Offering, OfferingVersion
from catalog.domain.offering_kind import OfferingKind


@dataclass(frozen=True, slots=True)
class AddOn(Offering):
    """An add-on as the catalog holds it."""

    kind: ClassVar[OfferingKind] = OfferingKind.ADD_ON


@dataclass(frozen=True, slots=True)
class AddOnVersion(OfferingVersion[AddOnContent]):
    """One state of an add-on's content."""
