"""Plans and add-ons, by their names."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class OfferingKind(StrEnum):
    """The two kinds of offerings."""

    PLAN = "PLAN"
    ADD_ON = "ADD_ON"

    @property
    def word(self) -> str:
        """What a sentence calls it."""
        return "plan" if self is OfferingKind.PLAN else "add-on"

    @property
    def field(self) -> str:
        """What the contract's fields call it."""
        return self.value.lower()


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a content that names an offering: the place's path within the content, and what stands there."""

    field: str
    kind: OfferingKind
    id: str


def named_add_ons(field: str, ids: Sequence[str]) -> tuple[Reference, ...]:
    """The references of a list of add-ons."""
    return tuple(Reference(f"{field}[{number}]", OfferingKind.ADD_ON, each) for number, each in enumerate(ids))
