"""An entitlement: a feature that a plan or an add-on includes, and how much of it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from catalog.domain.choice import Unknown
from catalog.domain.number import canonical
from catalog.domain.usage_reset import UsageReset, settle_reset


class MergeBehavior(StrEnum):
    """How an add-on's entitlement meets the plan's: is added to it, or takes its place."""

    INCREMENT = "INCREMENT"
    OVERRIDE = "OVERRIDE"


@dataclass(frozen=True, slots=True)
class BooleanEntitlement:
    """The feature is on."""


@dataclass(frozen=True, slots=True)
class EnumEntitlement:
    """Some of the feature's values are granted."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in units, inclusive."""

    units: str


@dataclass(frozen=True, slots=True)
class Unlimited:
    """There is no limit."""


Bound = Limit | Unlimited


@dataclass(frozen=True, slots=True)
class MeteredEntitlement:
    """A metered feature may be used up to a bound; above a soft one, too."""

    bound: Bound | None
    soft_limit: bool = False
    usage_reset: UsageReset | None = None


@dataclass(frozen=True, slots=True)
class NumericEntitlement:
    """A numeric feature has this number."""

    number: str


EntitlementValue = BooleanEntitlement | EnumEntitlement | MeteredEntitlement | NumericEntitlement


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A feature that is included, and how much of it.

    Attributes:
        merge_behavior: Of an add-on: settled, always there. None in a plan.
    """

    feature_id: str
    value: EntitlementValue | None
    merge_behavior: MergeBehavior | Unknown | None = None


def settle_entitlement(entitlement: Entitlement) -> Entitlement:
    """The checked entitlement with its defaults filled in and its numbers canonical."""
    match entitlement.value:
        case MeteredEntitlement(bound=bound, usage_reset=reset):
            settled = Limit(canonical(bound.units)) if isinstance(bound, Limit) else bound
            value = replace(entitlement.value, bound=settled, usage_reset=settle_reset(reset))
            return replace(entitlement, value=value)
        case NumericEntitlement(number=number):
            return replace(entitlement, value=NumericEntitlement(canonical(number)))
        case _:
            return entitlement
