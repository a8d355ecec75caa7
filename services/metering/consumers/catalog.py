"""The catalog's features."""

from kit.broker import Broker
from kit.consumer import Consumer, handler
from kit.db import Database
from metering.commands.store_feature import StoreFeature
from metering.messages.feature import feature_from_proto
from metering.store import tables
from tollkeeper.catalog.v1.catalog_events_pb2 import FeatureCreated, FeatureUpdated


def catalog_consumer(broker: Broker, database: Database, store: StoreFeature) -> Consumer:
    """Keeps the features up to date."""

    async def on_feature(event: FeatureCreated | FeatureUpdated) -> None:
        await store(feature_from_proto(event.feature))

    return Consumer(
        broker,
        database,
        stream="catalog",
        durable="metering",
        handlers=dict([handler(FeatureCreated, on_feature), handler(FeatureUpdated, on_feature)]),
        dead_letters=tables.dead_letter,
    )
