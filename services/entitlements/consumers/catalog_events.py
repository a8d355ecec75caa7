"""The catalog's events: features. (Plan versions are fetched when a subscription names them.)"""

from entitlements.commands.apply_features import ApplyFeatures
from entitlements.messages.feature import feature_from_proto
from entitlements.store import tables
from kit.broker import Broker
from kit.consumer import Consumer, handler
from kit.db import Database
from tollkeeper.catalog.v1 import catalog_events_pb2 as events


def catalog_consumer(broker: Broker, database: Database, apply_features: ApplyFeatures) -> Consumer:
    """Reads the catalog's stream, one of all replicas each event."""

    async def feature(event: events.FeatureCreated | events.FeatureUpdated) -> None:
        await apply_features([feature_from_proto(event.feature)])

    return Consumer(
        broker,
        database,
        stream="catalog",
        durable="entitlements",
        handlers=dict([handler(events.FeatureCreated, feature), handler(events.FeatureUpdated, feature)]),
        dead_letters=tables.dead_letter,
    )
