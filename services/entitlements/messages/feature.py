"""Features in the catalog's messages."""

from typing import Final

from entitlements.domain.feature import Feature, FeatureType, UsageSource
from tollkeeper.catalog.v1 import feature_pb2 as pb

_TYPES: Final = {"boolean": FeatureType.BOOLEAN, "enum": FeatureType.ENUM, "metered": FeatureType.METERED}


def feature_from_proto(message: pb.Feature) -> Feature:
    """The feature that the catalog tells of.

    Raises:
        ValueError: It is of a type that this version does not know.
    """
    kind = message.WhichOneof("type")
    if kind is None:
        raise ValueError(f"the feature {message.id} is of an unknown type")
    name = message.display_name or message.id
    if kind != "metered":
        return Feature(message.id, _TYPES[kind], name, None, "", "", message.revision)
    metered = message.metered
    source = UsageSource.EVENTS if metered.usage_source == pb.USAGE_SOURCE_EVENTS else UsageSource.CALCULATED
    singular = metered.unit_singular or "unit"
    plural = metered.unit_plural or f"{singular}s"
    return Feature(message.id, FeatureType.METERED, name, source, singular, plural, message.revision)
