"""Features in the store."""

from typing import Final

from catalog.messages.feature import feature_from_proto, feature_to_proto
from catalog.store import tables
from catalog.store.body import Body
from catalog.store.shelf import shelf_of_bodies
from tollkeeper.catalog.v1 import feature_pb2

FEATURES: Final = shelf_of_bodies(tables.feature, Body(feature_pb2.Feature, feature_to_proto, feature_from_proto))
