"""The catalog, put together: from settings to servicers."""

from contextlib import AsyncExitStack
from functools import partial

from kernel.clock import SystemClock
from kit import broker
from kit.db import Database
from kit.outbox import Outbox, Relay
from kit.rpc import Registration
from kit.service import Parts

from catalog.api.product_servicer import ProductServicer
from catalog.commands.create_product import CreateProduct
from catalog.settings import CatalogSettings
from catalog.store import tables
from tollkeeper.catalog.v1 import product_service_pb2_grpc as product_grpc


async def wire(settings: CatalogSettings, resources: AsyncExitStack) -> Parts:
    """Builds the parts; what must be closed goes on the stack."""
    clock = SystemClock()
    database = Database(settings.database_url, pool_size=settings.pool_size)
    resources.push_async_callback(database.close)
    nats = await broker.connect(settings.nats_url, "catalog")
    resources.push_async_callback(nats.close)
    outbox = Outbox("catalog", tables.outbox)

    products = ProductServicer(database, CreateProduct(database, outbox, clock=clock))
    return Parts(
        registrations=[
            Registration(
                "tollkeeper.catalog.v1.ProductService",
                partial(product_grpc.add_ProductServiceServicer_to_server, products),
            ),
        ],
        workers=[Relay("catalog", database, nats, table=tables.outbox, refused=tables.outbox_refused)],
    )
