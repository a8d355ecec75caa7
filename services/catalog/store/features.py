"""Features in the store."""

from typing import Any, Final

from sqlalchemy import Row

from catalog.domain.feature import Feature
from catalog.messages.feature import feature_from_proto, feature_to_proto
from catalog.store import tables
from catalog.store.body import Body
from catalog.store.shelf import Shelf
from tollkeeper.catalog.v1 import feature_pb2

_BODY: Final = Body(feature_pb2.Feature, feature_to_proto, feature_from_proto)


def feature_to_row(feature: Feature) -> dict[str, object]:
    """The columns of a feature."""
    return {"id": feature.id, "body": _BODY.write(feature)}


def feature_from_row(row: Row[Any]) -> Feature:
    """The feature of a row."""
    return _BODY.read(row.body)


FEATURES: Final = Shelf(tables.feature, to_row=feature_to_row, from_row=feature_from_row)
