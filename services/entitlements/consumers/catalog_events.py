"""The catalog's events: features, and which version's entitlements a publish carries. (Plan versions are fetched when something
names them.)
"""

from entitlements.commands.apply_features import ApplyFeatures
from entitlements.commands.apply_plan import ApplyPlan
from entitlements.messages.feature import feature_from_proto
from entitlements.messages.plan import carried_from_proto
from entitlements.store import tables
from kit.broker import Broker
from kit.consumer import Consumer, handler
from kit.db import Database
from tollkeeper.catalog.v1 import catalog_events_pb2 as events


def catalog_consumer(
    broker: Broker, database: Database, *, apply_features: ApplyFeatures, apply_plan: ApplyPlan
) -> Consumer:
    """Reads the catalog's stream, one of all replicas each event."""

    async def feature(event: events.FeatureCreated | events.FeatureUpdated) -> None:
        await apply_features([feature_from_proto(event.feature)])

    async def published(event: events.PlanPublished) -> None:
        await apply_plan(carried_from_proto(event.plan))

    return Consumer(
        broker,
        database,
        stream="catalog",
        durable="entitlements",
        handlers=dict(
            [
                handler(events.FeatureCreated, feature),
                handler(events.FeatureUpdated, feature),
                handler(events.PlanPublished, published),
            ]
        ),
        dead_letters=tables.dead_letter,
    )
