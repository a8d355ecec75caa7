"""The catalog, put together: from settings to servicers."""

from contextlib import AsyncExitStack
from functools import partial

from catalog.api.catalog_servicer import CatalogServicer
from catalog.api.feature_servicer import FeatureServicer
from catalog.api.plan_servicer import PlanCommands, PlanServicer
from catalog.api.product_servicer import ProductServicer
from catalog.commands.apply_catalog import ApplyCatalog
from catalog.commands.create_feature import CreateFeature
from catalog.commands.create_plan import CreatePlan
from catalog.commands.create_product import CreateProduct
from catalog.commands.discard_plan_draft import DiscardPlanDraft
from catalog.commands.publish_plan import PublishPlan
from catalog.commands.save_plan_draft import SavePlanDraft
from catalog.commands.update_feature import UpdateFeature
from catalog.commands.update_plan import UpdatePlan
from catalog.commands.update_product import UpdateProduct
from catalog.settings import CatalogSettings
from catalog.store import tables
from kernel.clock import Clock, SystemClock
from kit import broker
from kit.db import Database
from kit.outbox import Outbox, Relay
from kit.rpc import Registration
from kit.service import Parts
from tollkeeper.catalog.v1 import catalog_service_pb2_grpc as catalog_grpc
from tollkeeper.catalog.v1 import feature_service_pb2_grpc as feature_grpc
from tollkeeper.catalog.v1 import plan_service_pb2_grpc as plan_grpc
from tollkeeper.catalog.v1 import product_service_pb2_grpc as product_grpc


async def wire(settings: CatalogSettings, resources: AsyncExitStack) -> Parts:
    """Builds the parts; what must be closed goes on the stack."""
    database = Database(settings.database_url, pool_size=settings.pool_size)
    resources.push_async_callback(database.close)
    nats = await broker.connect(settings.nats_url, "catalog")
    resources.push_async_callback(nats.close)
    return Parts(
        registrations=_registrations(database, Outbox("catalog", tables.outbox), SystemClock()),
        workers=[Relay("catalog", database, nats, table=tables.outbox, refused=tables.outbox_refused)],
    )


def _registrations(database: Database, outbox: Outbox, clock: Clock) -> list[Registration]:
    features = FeatureServicer(
        database,
        create=CreateFeature(database, outbox, clock=clock),
        update=UpdateFeature(database, outbox, clock=clock),
    )
    products = ProductServicer(
        database,
        create=CreateProduct(database, outbox, clock=clock),
        update=UpdateProduct(database, outbox, clock=clock),
    )
    plan_commands = PlanCommands(
        create=CreatePlan(database, outbox, clock=clock),
        update=UpdatePlan(database, outbox, clock=clock),
        save_draft=SavePlanDraft(database, clock=clock),
        discard_draft=DiscardPlanDraft(database, clock=clock),
        publish=PublishPlan(database, outbox, clock=clock),
    )
    plans = PlanServicer(database, plan_commands)
    catalogs = CatalogServicer(ApplyCatalog(database, outbox, clock=clock))
    services = {
        "FeatureService": partial(feature_grpc.add_FeatureServiceServicer_to_server, features),
        "ProductService": partial(product_grpc.add_ProductServiceServicer_to_server, products),
        "PlanService": partial(plan_grpc.add_PlanServiceServicer_to_server, plans),
        "CatalogService": partial(catalog_grpc.add_CatalogServiceServicer_to_server, catalogs),
    }
    return [Registration(f"tollkeeper.catalog.v1.{name}", add) for name, add in services.items()]
