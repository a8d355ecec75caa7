"""Features as entitlements need them: their type, where usage comes from, and the words for people."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.quantity import format_decimal

_ONE: Final = Decimal(1)


class FeatureType(StrEnum):
    """What kind of thing a feature is."""

    BOOLEAN = "BOOLEAN"
    NUMERIC = "NUMERIC"
    ENUM = "ENUM"
    METERED = "METERED"


class UsageSource(StrEnum):
    """Where the usage of a metered feature comes from."""

    CALCULATED = "CALCULATED"
    EVENTS = "EVENTS"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of the catalog.

    Attributes:
        usage_source: For a metered feature, else None.
        unit_singular: One unit, as written after "1"; empty unless numeric or metered.
        unit_plural: More units, as written after "2"; empty unless numeric or metered.
        revision: The catalog's; a newer state has a greater one.
        values: For an enum feature: those that there are, as far as they are known here.
        shadow_mode: Whether its refusals are only counted.
    """

    id: str
    type: FeatureType
    display_name: str
    usage_source: UsageSource | None
    unit_singular: str
    unit_plural: str
    revision: int
    values: tuple[str, ...] = ()
    shadow_mode: bool = False

    def units(self, quantity: Decimal) -> str:
        """The unit as written after a quantity: "gate" after 1, "gates" after all others."""
        return self.unit_singular if quantity == _ONE else self.unit_plural


def grouped(value: Decimal) -> str:
    """A number as people read it: "1,234.5"."""
    whole, point, fraction = format_decimal(value).partition(".")
    return f"{int(whole):,}{point}{fraction}" if len(whole) > 3 else f"{whole}{point}{fraction}"
