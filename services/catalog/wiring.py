"""The catalog, put together: from settings to servicers."""

from contextlib import AsyncExitStack
from functools import partial

from catalog.api.add_on_servicer import AddOnCommands, AddOnServicer
from catalog.api.catalog_servicer import CatalogServicer
from catalog.api.coupon_servicer import CouponServicer
from catalog.api.feature_servicer import FeatureServicer
from catalog.api.plan_servicer import PlanCommands, PlanServicer
from catalog.api.product_servicer import ProductServicer
from catalog.commands.apply_catalog import ApplyCatalog
from catalog.commands.create_coupon import CreateCoupon
from catalog.commands.create_feature import CreateFeature
from catalog.commands.create_offering import CreateOffering
from catalog.commands.create_product import CreateProduct
from catalog.commands.discard_draft import DiscardDraft
from catalog.commands.publish_add_on import PublishAddOn
from catalog.commands.publish_plan import PublishPlan
from catalog.commands.save_draft import SaveDraft
from catalog.commands.update_coupon import UpdateCoupon
from catalog.commands.update_feature import UpdateFeature
from catalog.commands.update_offering import UpdateOffering
from catalog.commands.update_product import UpdateProduct
from catalog.settings import CatalogSettings
from catalog.store import tables
from catalog.store.add_ons import ADD_ONS
from catalog.store.plans import PLANS
from kernel.clock import Clock, SystemClock
from kit import broker
from kit.db import Database
from kit.outbox import Outbox, Relay
from kit.rpc import Registration
from kit.service import Parts
from tollkeeper.catalog.v1 import add_on_service_pb2_grpc as add_on_grpc
from tollkeeper.catalog.v1 import catalog_service_pb2_grpc as catalog_grpc
from tollkeeper.catalog.v1 import coupon_service_pb2_grpc as coupon_grpc
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
    coupons = CouponServicer(
        database,
        create=CreateCoupon(database, outbox, clock=clock),
        update=UpdateCoupon(database, outbox, clock=clock),
    )
    catalogs = CatalogServicer(ApplyCatalog(database, outbox, clock=clock))
    add_ons = AddOnServicer(database, _add_on_commands(database, outbox, clock))
    plans = PlanServicer(database, _plan_commands(database, outbox, clock))
    services = {
        "FeatureService": partial(feature_grpc.add_FeatureServiceServicer_to_server, features),
        "ProductService": partial(product_grpc.add_ProductServiceServicer_to_server, products),
        "AddOnService": partial(add_on_grpc.add_AddOnServiceServicer_to_server, add_ons),
        "PlanService": partial(plan_grpc.add_PlanServiceServicer_to_server, plans),
        "CouponService": partial(coupon_grpc.add_CouponServiceServicer_to_server, coupons),
        "CatalogService": partial(catalog_grpc.add_CatalogServiceServicer_to_server, catalogs),
    }
    return [Registration(f"tollkeeper.catalog.v1.{name}", add) for name, add in services.items()]


def _plan_commands(database: Database, outbox: Outbox, clock: Clock) -> PlanCommands:
    return PlanCommands(
        create=CreateOffering(PLANS, database, outbox, clock=clock),
        update=UpdateOffering(PLANS, database, outbox, clock=clock),
        save_draft=SaveDraft(PLANS, database, clock=clock),
        discard_draft=DiscardDraft(PLANS, database, clock=clock),
        publish=PublishPlan(database, outbox, clock=clock),
    )


def _add_on_commands(database: Database, outbox: Outbox, clock: Clock) -> AddOnCommands:
    return AddOnCommands(
        create=CreateOffering(ADD_ONS, database, outbox, clock=clock),
        update=UpdateOffering(ADD_ONS, database, outbox, clock=clock),
        save_draft=SaveDraft(ADD_ONS, database, clock=clock),
        discard_draft=DiscardDraft(ADD_ONS, database, clock=clock),
        publish=PublishAddOn(database, outbox, clock=clock),
    )
