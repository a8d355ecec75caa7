"""A feature: something that a plan can include."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from catalog.domain.meter import Meter, meaning, settle_meter
from catalog.domain.thresholds import Thresholds, settle_thresholds

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
class NumericFeature:
    """A number that is configured; nothing is measured."""

    unit_singular: str = ""
    unit_plural: str = ""


@dataclass(frozen=True, slots=True)
class MeteredFeature:
    """A quantity whose usage is measured.

    Attributes:
        thresholds: The shares of a limit whose crossing is announced; None before it is settled where nothing is said.
    """

    usage_behavior: UsageBehavior | None
    usage_source: UsageSource | None
    meter: Meter | None = None
    unit_singular: str = ""
    unit_plural: str = ""
    thresholds: Thresholds | None = None


FeatureType = BooleanFeature | EnumFeature | NumericFeature | MeteredFeature


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What a vendor says of a feature."""

    id: str
    display_name: str
    description: str
    type: FeatureType | None
    archived: bool = False
    shadow_mode: bool = False


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature as the catalog holds it.

    Attributes:
        archived: Kept for what holds it already: content saved from now on must not name it.
        shadow_mode: Its refusals are only counted.
    """

    id: str
    display_name: str
    description: str
    type: FeatureType
    revision: int
    create_time: datetime
    update_time: datetime
    archived: bool = False
    shadow_mode: bool = False

    @property
    def spec(self) -> FeatureSpec:
        """What the vendor said of it."""
        return FeatureSpec(
            self.id, self.display_name, self.description, self.type, self.archived, shadow_mode=self.shadow_mode
        )


def settle_feature(spec: FeatureSpec) -> FeatureSpec:
    """The checked feature with its defaults filled in and its numbers canonical."""
    named = replace(spec, display_name=spec.display_name or spec.id)
    if not isinstance(spec.type, NumericFeature | MeteredFeature):
        return named
    singular = spec.type.unit_singular or "unit"
    # A singular of the greatest length has a plural of the greatest length, too.
    plural = spec.type.unit_plural or f"{singular}s"[:MAX_UNIT]
    kind = replace(spec.type, unit_singular=singular, unit_plural=plural)
    if isinstance(kind, MeteredFeature):
        meter = None if kind.meter is None else settle_meter(kind.meter)
        kind = replace(kind, meter=meter, thresholds=settle_thresholds(kind.thresholds))
    return replace(named, type=kind)


def create_feature(spec: FeatureSpec, now: datetime, *, revision: int) -> Feature:
    """A new feature of a settled spec."""
    if spec.type is None:
        raise ValueError("a feature without a type was not checked")
    return Feature(
        spec.id,
        spec.display_name,
        spec.description,
        spec.type,
        revision,
        create_time=now,
        update_time=now,
        archived=spec.archived,
        shadow_mode=spec.shadow_mode,
    )


def change_feature(feature: Feature, spec: FeatureSpec, now: datetime, *, revision: int) -> Feature:
    """The feature with what may change taken from a settled spec of the same type."""
    if spec.type is None or type(spec.type) is not type(feature.type):
        raise ValueError("a feature never changes its type")
    return replace(
        feature,
        display_name=spec.display_name,
        description=spec.description,
        type=spec.type,
        archived=spec.archived,
        shadow_mode=spec.shadow_mode,
        revision=revision,
        update_time=now,
    )


def same_feature(one: FeatureSpec, other: FeatureSpec) -> bool:
    """Whether two settled specs say the same; the values of an enum and the parts of a meter have no order."""
    return _meaning(one) == _meaning(other)


def type_name(type: FeatureType | None) -> str:
    """The word of the contract for the type: the name of its field."""
    match type:
        case BooleanFeature():
            return "boolean"
        case EnumFeature():
            return "enum"
        case NumericFeature():
            return "numeric"
        case MeteredFeature():
            return "metered"
        case None:
            return "type"
        case _:
            assert_never(type)


def meter_meaning(meter: Meter | None) -> Hashable:
    """What makes two settled meters the same, or None."""
    return None if meter is None else meaning(meter)


def _meaning(spec: FeatureSpec) -> Hashable:
    match spec.type:
        case EnumFeature(values=values):
            kind: Hashable = frozenset(values)
        case MeteredFeature(meter=meter):
            thresholds = settle_thresholds(spec.type.thresholds)
            kind = replace(spec.type, meter=None, thresholds=thresholds), meter_meaning(meter)
        case _:
            kind = spec.type
    return replace(spec, type=None), type_name(spec.type), kind
