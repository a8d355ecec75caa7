"""Which features are well formed, and what of a feature never changes."""

from collections.abc import Iterator

from catalog.domain.choice import check_choice
from catalog.domain.feature import (
    MAX_ENUM_VALUES,
    MAX_UNIT,
    BooleanFeature,
    EnumFeature,
    FeatureSpec,
    MeteredFeature,
    NumericFeature,
    UsageBehavior,
    UsageSource,
    meter_meaning,
    type_name,
)
from catalog.domain.meter import check_meter
from catalog.domain.text import check_count, check_names, check_unique, some_of
from catalog.domain.thresholds import check_thresholds
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.text import check_text


def check_feature(spec: FeatureSpec, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a feature."""
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    check_names(spec.display_name, spec.description, path=path, mistakes=mistakes)
    match spec.type:
        case None:
            mistakes.add(f"{path}.type", "must be boolean, enum, numeric or metered")
        case EnumFeature(values=values):
            _check_values(values, f"{path}.enum.values", mistakes)
        case NumericFeature():
            _check_units(spec.type, f"{path}.numeric", mistakes)
        case MeteredFeature():
            _check_metered(spec.type, f"{path}.metered", mistakes)
        case BooleanFeature():
            pass


def fixed_differences(old: FeatureSpec, new: FeatureSpec) -> Iterator[tuple[str, str]]:
    """Where `new` breaks what a feature keeps for ever: the field within the feature, and a sentence.

    Both are settled; what `new` leaves out is another rule's business. An enum may gain values and never loses one.
    """
    match old.type, new.type:
        case (BooleanFeature(), BooleanFeature()) | (NumericFeature(), NumericFeature()) | (_, None):
            return
        case EnumFeature(values=had), EnumFeature(values=has):
            lost = [value for value in had if value not in has]
            if lost:
                yield "enum.values", f"must keep every value once given: {some_of(lost)} is missing"
        case MeteredFeature() as was, MeteredFeature() as now:
            if now.usage_behavior not in {was.usage_behavior, None}:
                yield "metered.usage_behavior", f"is {was.usage_behavior} for ever: make a new feature instead"
            if now.usage_source not in {was.usage_source, None}:
                yield "metered.usage_source", f"is {was.usage_source} for ever: make a new feature instead"
            elif meter_meaning(was.meter) != meter_meaning(now.meter):
                yield "metered.meter", "never changes: make a new feature instead"
        case was, now:
            yield type_name(now), f"must stay {type_name(was)}: a feature never changes its type; make a new one"


def _check_values(values: tuple[str, ...], path: str, mistakes: Mistakes) -> None:
    check_count(values, path, mistakes, least=1, most=MAX_ENUM_VALUES)
    for number, value in enumerate(values):
        mistakes.attempt(check_id, value, f"{path}[{number}]")
    check_unique(values, path, mistakes)


def _check_metered(metered: MeteredFeature, path: str, mistakes: Mistakes) -> None:
    check_choice(metered.usage_behavior, UsageBehavior, path=f"{path}.usage_behavior", mistakes=mistakes)
    check_choice(metered.usage_source, UsageSource, path=f"{path}.usage_source", mistakes=mistakes)
    if metered.meter is not None:
        check_meter(metered.meter, f"{path}.meter", mistakes)
        if metered.usage_source is UsageSource.CALCULATED:
            mistakes.add(f"{path}.meter", "must be left out: the application reports CALCULATED usage")
    elif metered.usage_source is UsageSource.EVENTS:
        mistakes.add(f"{path}.meter", "is required: usage from EVENTS needs a meter")
    if metered.thresholds is not None:
        check_thresholds(metered.thresholds, f"{path}.thresholds.percents", mistakes)
    _check_units(metered, path, mistakes)


def _check_units(feature: NumericFeature | MeteredFeature, path: str, mistakes: Mistakes) -> None:
    mistakes.attempt(check_text, feature.unit_singular, f"{path}.unit_singular", limit=MAX_UNIT)
    mistakes.attempt(check_text, feature.unit_plural, f"{path}.unit_plural", limit=MAX_UNIT)
