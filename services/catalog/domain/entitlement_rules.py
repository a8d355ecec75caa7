"""Which entitlements are well formed, and which fit their features."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from catalog.domain.entitlement import (
    BooleanEntitlement,
    Entitlement,
    EntitlementValue,
    EnumEntitlement,
    Limit,
    MeteredEntitlement,
    NumericEntitlement,
    Unlimited,
)
from catalog.domain.feature import (
    MAX_ENUM_VALUES,
    EnumFeature,
    FeatureSpec,
    MeteredFeature,
    UsageBehavior,
    type_name,
)
from catalog.domain.number import check_number
from catalog.domain.text import check_count, check_unique, some_of
from catalog.domain.usage_reset import check_reset
from kernel.errors import Mistakes


def check_entitlements(
    entitlements: Sequence[Entitlement],
    features: Mapping[str, FeatureSpec],
    *,
    charged: frozenset[str],
    most: int,
    path: str,
    mistakes: Mistakes,
) -> None:
    """Notes every mistake of a plan's or an add-on's entitlements.

    Args:
        entitlements: As the vendor wrote them.
        features: The features there are, by id.
        charged: Ids of the features that a charge grants: none of them may stand here.
        most: How many there may be.
        path: Of the list.
        mistakes: Takes the notes.
    """
    check_count(entitlements, path, mistakes, least=0, most=most)
    check_unique([each.feature_id for each in entitlements], path, mistakes, field="feature_id")
    for number, entitlement in enumerate(entitlements):
        where = f"{path}[{number}]"
        feature = features.get(entitlement.feature_id)
        if feature is None:
            mistakes.add(f"{where}.feature_id", "must be the id of a feature: there is none with this one")
        if entitlement.feature_id in charged:
            message = "must be left out: the charge for this feature grants it"
            mistakes.add(f"{where}.feature_id", message)
        _check_value(entitlement.value, feature, path=where, mistakes=mistakes)


def _check_value(value: EntitlementValue | None, feature: FeatureSpec | None, *, path: str, mistakes: Mistakes) -> None:
    kind = None if feature is None else feature.type
    if value is None:
        given = type_name(kind) if kind is not None else "boolean, enum, numeric or metered"
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
        case NumericEntitlement(number=number):
            check_number(number, f"{path}.numeric.value", mistakes)
        case BooleanEntitlement():
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
        case NumericEntitlement():
            return "numeric"
        case _:
            assert_never(value)
