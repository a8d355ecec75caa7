"""Features in the catalog's messages."""

from typing import Final

from entitlements.domain.feature import Feature, FeatureType, UsageSource
from tollkeeper.catalog.v1 import feature_pb2 as pb

_WORDLESS: Final = {"boolean": FeatureType.BOOLEAN, "enum": FeatureType.ENUM}


def feature_from_proto(message: pb.Feature) -> Feature:
    """The feature that the catalog tells of.

    Raises:
        ValueError: It is of a type that this version does not know.
    """
    kind = message.WhichOneof("type")
    if kind is None:
        raise ValueError(f"the feature {message.id} is of an unknown type")
    name = message.display_name or message.id
    if kind in _WORDLESS:
        return Feature(message.id, _WORDLESS[kind], name, None, "", "", message.revision)
    if kind == "numeric":
        words = _units(message.numeric)
        return Feature(message.id, FeatureType.NUMERIC, name, None, *words, message.revision)
    words, metered = _units(message.metered), message.metered
    source = UsageSource.EVENTS if metered.usage_source == pb.USAGE_SOURCE_EVENTS else UsageSource.CALCULATED
    return Feature(message.id, FeatureType.METERED, name, source, *words, message.revision)


def _units(kind: pb.NumericFeature | pb.MeteredFeature) -> tuple[str, str]:
    singular = kind.unit_singular or "unit"
    return singular, kind.unit_plural or f"{singular}s"
