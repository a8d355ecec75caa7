"""An entitlement: a feature that a plan includes, and how much of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from catalog.domain.feature import (
    MAX_ENUM_VALUES,
    EnumFeature,
    FeatureSpec,
    MeteredFeature,
    UsageBehavior,
    type_name,
)
from catalog.domain.number import canonical, check_number
from catalog.domain.text import check_count, check_unique, some_of
from catalog.domain.usage_reset import UsageReset, check_reset, settle_reset
from kernel.errors import Mistakes

# A check reads all of a customer's entitlements into memory.
MAX_ENTITLEMENTS: Final = 500


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


EntitlementValue = BooleanEntitlement | EnumEntitlement | MeteredEntitlement


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A feature that a plan includes, and how much of it."""

    feature_id: str
    value: EntitlementValue | None


def check_entitlements(
    entitlements: Sequence[Entitlement],
    features: Mapping[str, FeatureSpec],
    *,
    charged: frozenset[str],
    path: str,
    mistakes: Mistakes,
) -> None:
    """Notes every mistake of a plan's entitlements.

    Args:
        entitlements: As the vendor wrote them.
        features: The features there are, by id.
        charged: Ids of the features that a charge grants: none of them may stand here.
        path: Of the list.
        mistakes: Takes the notes.
    """
    check_count(entitlements, path, mistakes, least=0, most=MAX_ENTITLEMENTS)
    check_unique([each.feature_id for each in entitlements], path, mistakes, field="feature_id")
    for number, entitlement in enumerate(entitlements):
        where = f"{path}[{number}]"
        feature = features.get(entitlement.feature_id)
        if feature is None:
            mistakes.add(f"{where}.feature_id", "must be the id of a feature: there is none with this one")
        if entitlement.feature_id in charged:
            message = "must be left out: the plan's charge for this feature grants it"
            mistakes.add(f"{where}.feature_id", message)
        _check_value(entitlement.value, feature, path=where, mistakes=mistakes)


def settle_entitlement(entitlement: Entitlement) -> Entitlement:
    """The checked entitlement with its defaults filled in and its numbers canonical."""
    match entitlement.value:
        case MeteredEntitlement(bound=bound, usage_reset=reset):
            settled = Limit(canonical(bound.units)) if isinstance(bound, Limit) else bound
            value = replace(entitlement.value, bound=settled, usage_reset=settle_reset(reset))
            return replace(entitlement, value=value)
        case _:
            return entitlement


def _check_value(value: EntitlementValue | None, feature: FeatureSpec | None, *, path: str, mistakes: Mistakes) -> None:
    kind = None if feature is None else feature.type
    if value is None:
        given = type_name(kind) if kind is not None else "boolean, enum or metered"
        mistakes.add(f"{path}.value", f"must be {given}")
        return
    name = _value_name(value)
    if kind is not None and name != type_name(kind):
        mistakes.add(f"{path}.{name}", f"must be {type_name(kind)}, as the feature is")
        # The rules of the other type would only repeat it; the value's own form is still checked.
        kind = None
    match value:
        case EnumEntitlement(values=values):
            known = kind.values if isinstance(kind, EnumFeature) else None
            _check_enum(values, known, path=f"{path}.enum.values", mistakes=mistakes)
        case MeteredEntitlement():
            metered = kind if isinstance(kind, MeteredFeature) else None
            _check_metered(value, metered, path=f"{path}.metered", mistakes=mistakes)
        case _:
            pass


def _check_enum(values: tuple[str, ...], known: tuple[str, ...] | None, *, path: str, mistakes: Mistakes) -> None:
    check_count(values, path, mistakes, least=1, most=MAX_ENUM_VALUES)
    check_unique(values, path, mistakes)
    for number, value in enumerate(values):
        if known is not None and value not in known:
            mistakes.add(f"{path}[{number}]", f"must be one of the feature's values: {some_of(known)}")


def _check_metered(value: MeteredEntitlement, feature: MeteredFeature | None, *, path: str, mistakes: Mistakes) -> None:
    match value.bound:
        case None:
            mistakes.add(f"{path}.bound", "must be a limit or unlimited: how much is included is always said")
        case Limit(units=units):
            check_number(units, f"{path}.limit", mistakes)
        case Unlimited():
            if value.soft_limit:
                mistakes.add(f"{path}.soft_limit", "must be left out: there is no limit that could be soft")
        case _:
            assert_never(value.bound)
    if value.usage_reset is not None:
        check_reset(value.usage_reset, f"{path}.usage_reset", mistakes)
        if feature is not None and feature.usage_behavior is UsageBehavior.FLUCTUATING:
            mistakes.add(f"{path}.usage_reset", "must be left out: a FLUCTUATING feature never resets")


def _value_name(value: EntitlementValue) -> str:
    match value:
        case BooleanEntitlement():
            return "boolean"
        case EnumEntitlement():
            return "enum"
        case MeteredEntitlement():
            return "metered"
        case _:
            assert_never(value)
