"""Features in the catalog's messages."""

from typing import Final

from entitlements.domain.feature import Feature, FeatureType, UsageSource
from tollkeeper.catalog.v1 import feature_pb2 as pb

_TYPES: Final = {
    "boolean": FeatureType.BOOLEAN,
    "enum": FeatureType.ENUM,
    "numeric": FeatureType.NUMERIC,
    "metered": FeatureType.METERED,
}


def feature_from_proto(message: pb.Feature) -> Feature:
    """The feature that the catalog tells of.

    Raises:
        ValueError: It is of a type that this version does not know.
    """
    kind = message.WhichOneof("type")
    if kind is None:
        raise ValueError(f"the feature {message.id} is of an unknown type")
    name = message.display_name or message.id
    values, source, words = tuple(message.enum.values), None, ("", "")
    if kind == "numeric":
        words = _units(message.numeric)
    elif kind == "metered":
        metered = message.metered
        words = _units(metered)
        source = UsageSource.EVENTS if metered.usage_source == pb.USAGE_SOURCE_EVENTS else UsageSource.CALCULATED
    return Feature(
        message.id,
        _TYPES[kind],
        name,
        source,
        *words,
        message.revision,
        values=values,
        shadow_mode=message.shadow_mode,
    )


def _units(kind: pb.NumericFeature | pb.MeteredFeature) -> tuple[str, str]:
    singular = kind.unit_singular or "unit"
    return singular, kind.unit_plural or f"{singular}s"
