"""What an update of a feature may change."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from catalog.domain.errors import immutable
from catalog.domain.feature import (
    EnumFeature,
    Feature,
    FeatureSpec,
    FeatureType,
    MeteredFeature,
    NumericFeature,
    settle_feature,
    type_name,
)
from catalog.domain.feature_rules import check_feature, fixed_differences
from catalog.domain.update_mask import OUTPUT_ONLY, check_mask
from kernel.errors import Mistakes

_METERED_PARTS: Final = frozenset(
    {"metered.unit_singular", "metered.unit_plural", "metered.thresholds", "metered.thresholds.percents"}
)
_NUMERIC_UNITS: Final = frozenset({"numeric.unit_singular", "numeric.unit_plural"})
_TYPES: Final = frozenset({"boolean", "enum", "numeric", "metered"})
_OF_EVERY_TYPE: Final = frozenset({"display_name", "description", "archived", "shadow_mode"})
_CHANGEABLE: Final = _OF_EVERY_TYPE | {"enum.values"} | _METERED_PARTS | _NUMERIC_UNITS
# What the refusal repeats of a path within a meter; the contract has no longer one.
_MAX_PATH: Final = 100
_FIXED: Final = frozenset({"id", "metered.usage_behavior", "metered.usage_source", "metered.meter"})


def revise_feature(feature: Feature, spec: FeatureSpec, paths: Sequence[str]) -> FeatureSpec:
    """The feature's settled spec with the named fields taken from `spec`.

    Args:
        feature: As it is.
        spec: As the caller wrote it; of its fixed parts, those left out are left alone.
        paths: Of the fields to change; a type's own name stands for all that it holds. Empty: every field that may
            change, but what the type holds only where the caller gives the type.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `FEATURE_IMMUTABLE_FIELD`.
    """
    mistakes = Mistakes()
    within_meter = [path for path in paths if path.startswith("metered.meter.") and len(path) <= _MAX_PATH]
    others = [path for path in paths if path not in within_meter]
    check_mask(others, _CHANGEABLE | _TYPES | _FIXED, mistakes, output_only=OUTPUT_ONLY)
    mistakes.check()
    named = frozenset(others) or _everything(spec)
    _refuse_fixed([*within_meter, *sorted(named & _FIXED)])
    _refuse_other_type(feature, spec, named)
    revised = replace(
        feature.spec,
        display_name=spec.display_name if "display_name" in named else feature.display_name,
        description=spec.description if "description" in named else feature.description,
        type=_revised_type(feature.type, spec.type, named),
        archived=spec.archived if "archived" in named else feature.archived,
        shadow_mode=spec.shadow_mode if "shadow_mode" in named else feature.shadow_mode,
    )
    check_feature(revised, "feature", mistakes)
    mistakes.check()
    settled = settle_feature(revised)
    differences = list(fixed_differences(feature.spec, settled))
    if differences:
        raise immutable("feature", differences)
    return settled


def _everything(spec: FeatureSpec) -> frozenset[str]:
    given = frozenset() if spec.type is None else frozenset({type_name(spec.type)})
    return _OF_EVERY_TYPE | given


def _refuse_fixed(paths: Sequence[str]) -> None:
    if paths:
        raise immutable("feature", [(path, "never changes: leave it out of update_mask") for path in paths])


def _refuse_other_type(feature: Feature, spec: FeatureSpec, named: AbstractSet[str]) -> None:
    types = {path.partition(".")[0] for path in named} & _TYPES
    has = type_name(feature.type)
    if types - {has} or (types and spec.type is not None and type_name(spec.type) != has):
        raise immutable("feature", [("type", f"is {has} for ever: make a new feature instead")])


def _revised_type(old: FeatureType, new: FeatureType | None, named: AbstractSet[str]) -> FeatureType:
    match old, new:
        case EnumFeature(), EnumFeature() | None if named & {"enum", "enum.values"}:
            return new or EnumFeature(())
        case NumericFeature(), NumericFeature() | None if named & (_NUMERIC_UNITS | {"numeric"}):
            number = new or NumericFeature()
            every = "numeric" in named
            return NumericFeature(
                unit_singular=number.unit_singular if every or "numeric.unit_singular" in named else old.unit_singular,
                unit_plural=number.unit_plural if every or "numeric.unit_plural" in named else old.unit_plural,
            )
        case MeteredFeature(), MeteredFeature() | None if named & (_METERED_PARTS | {"metered"}):
            return _revised_metered(old, new or MeteredFeature(None, None), named)
        case _:
            return old


def _revised_metered(old: MeteredFeature, given: MeteredFeature, named: AbstractSet[str]) -> MeteredFeature:
    whole = "metered" in named
    thresholds = old.thresholds
    if whole or "metered.thresholds" in named:
        thresholds = given.thresholds
    elif "metered.thresholds.percents" in named:
        # The list alone is named: one without entries announces nothing, even where it stands in no message.
        thresholds = given.thresholds or ()
    return MeteredFeature(
        usage_behavior=(given.usage_behavior if whole else None) or old.usage_behavior,
        usage_source=(given.usage_source if whole else None) or old.usage_source,
        meter=(given.meter if whole else None) or old.meter,
        unit_singular=given.unit_singular if whole or "metered.unit_singular" in named else old.unit_singular,
        unit_plural=given.unit_plural if whole or "metered.unit_plural" in named else old.unit_plural,
        thresholds=thresholds,
    )
