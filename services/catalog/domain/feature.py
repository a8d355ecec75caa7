"""A feature: something that a plan can include."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from catalog.domain.choice import check_choice
from catalog.domain.meter import Meter, check_meter, meaning, settle_meter
from catalog.domain.text import MAX_DESCRIPTION, MAX_DISPLAY_NAME, check_count, check_unique, some_of
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.text import check_text

# An entitlement's check compares with each; a longer list is data, not a catalog.
MAX_ENUM_VALUES: Final = 100
MAX_UNIT: Final = 100


class UsageBehavior(StrEnum):
    """Whether usage accumulates, or goes up and down and never resets."""

    INCREMENTAL = "INCREMENTAL"
    FLUCTUATING = "FLUCTUATING"


class UsageSource(StrEnum):
    """Whether the application reports usage, or a meter computes it from raw events."""

    CALCULATED = "CALCULATED"
    EVENTS = "EVENTS"


@dataclass(frozen=True, slots=True)
class BooleanFeature:
    """On or off."""


@dataclass(frozen=True, slots=True)
class EnumFeature:
    """One or more of a list of values."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeteredFeature:
    """A quantity whose usage is measured."""

    usage_behavior: UsageBehavior | None
    usage_source: UsageSource | None
    meter: Meter | None = None
    unit_singular: str = ""
    unit_plural: str = ""


FeatureType = BooleanFeature | EnumFeature | MeteredFeature


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What a vendor says of a feature."""

    id: str
    display_name: str
    description: str
    type: FeatureType | None


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature as the catalog holds it."""

    id: str
    display_name: str
    description: str
    type: FeatureType
    revision: int
    create_time: datetime
    update_time: datetime

    @property
    def spec(self) -> FeatureSpec:
        """What the vendor said of it."""
        return FeatureSpec(self.id, self.display_name, self.description, self.type)


def check_feature(spec: FeatureSpec, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a feature."""
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    mistakes.attempt(check_text, spec.display_name, f"{path}.display_name", limit=MAX_DISPLAY_NAME)
    mistakes.attempt(check_text, spec.description, f"{path}.description", limit=MAX_DESCRIPTION)
    match spec.type:
        case None:
            mistakes.add(f"{path}.type", "must be boolean, enum or metered")
        case EnumFeature(values=values):
            _check_values(values, f"{path}.enum.values", mistakes)
        case MeteredFeature():
            _check_metered(spec.type, f"{path}.metered", mistakes)
        case BooleanFeature():
            pass
        case _:
            assert_never(spec.type)


def settle_feature(spec: FeatureSpec) -> FeatureSpec:
    """The checked feature with its defaults filled in and its numbers canonical."""
    named = replace(spec, display_name=spec.display_name or spec.id)
    if not isinstance(spec.type, MeteredFeature):
        return named
    singular = spec.type.unit_singular or "unit"
    # A singular of the greatest length has a plural of the greatest length, too.
    plural = spec.type.unit_plural or f"{singular}s"[:MAX_UNIT]
    meter = None if spec.type.meter is None else settle_meter(spec.type.meter)
    return replace(named, type=replace(spec.type, meter=meter, unit_singular=singular, unit_plural=plural))


def create_feature(spec: FeatureSpec, now: datetime, *, revision: int) -> Feature:
    """A new feature of a settled spec."""
    if spec.type is None:
        raise ValueError("a feature without a type was not checked")
    return Feature(spec.id, spec.display_name, spec.description, spec.type, revision, now, now)


def change_feature(feature: Feature, spec: FeatureSpec, now: datetime, *, revision: int) -> Feature:
    """The feature with what may change taken from a settled spec of the same type."""
    if spec.type is None or type(spec.type) is not type(feature.type):
        raise ValueError("a feature never changes its type")
    return replace(
        feature,
        display_name=spec.display_name,
        description=spec.description,
        type=spec.type,
        revision=revision,
        update_time=now,
    )


def same_feature(one: FeatureSpec, other: FeatureSpec) -> bool:
    """Whether two settled specs say the same; the values of an enum and the parts of a meter have no order."""
    return _meaning(one) == _meaning(other)


def fixed_differences(old: FeatureSpec, new: FeatureSpec) -> Iterator[tuple[str, str]]:
    """Where `new` breaks what a feature keeps for ever: the field within the feature, and a sentence.

    Both are settled; what `new` leaves out is another rule's business. An enum may gain values and never loses one.
    """
    match old.type, new.type:
        case (BooleanFeature(), BooleanFeature()) | (_, None):
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
            elif _meter_meaning(was.meter) != _meter_meaning(now.meter):
                yield "metered.meter", "never changes: make a new feature instead"
        case was, now:
            yield type_name(now), f"must stay {type_name(was)}: a feature never changes its type; make a new one"


def type_name(type: FeatureType | None) -> str:
    """The word of the contract for the type: the name of its field."""
    match type:
        case BooleanFeature():
            return "boolean"
        case EnumFeature():
            return "enum"
        case MeteredFeature():
            return "metered"
        case None:
            return "type"
        case _:
            assert_never(type)


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
    mistakes.attempt(check_text, metered.unit_singular, f"{path}.unit_singular", limit=MAX_UNIT)
    mistakes.attempt(check_text, metered.unit_plural, f"{path}.unit_plural", limit=MAX_UNIT)


def _meaning(spec: FeatureSpec) -> Hashable:
    match spec.type:
        case EnumFeature(values=values):
            kind: Hashable = frozenset(values)
        case MeteredFeature(meter=meter):
            kind = replace(spec.type, meter=None), _meter_meaning(meter)
        case _:
            kind = spec.type
    return spec.id, spec.display_name, spec.description, type_name(spec.type), kind


def _meter_meaning(meter: Meter | None) -> Hashable:
    return None if meter is None else meaning(meter)
