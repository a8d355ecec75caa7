"""``ProductService``."""

from catalog import queries
from catalog.commands.create_product import CreateProduct
from catalog.commands.update_product import UpdateProduct
from catalog.messages.product import product_spec_from_proto, product_to_proto
from kit.db import Database
from kit.paging import page_of, page_of_messages
from kit.rpc import Context
from tollkeeper.catalog.v1 import product_service_pb2 as pb
from tollkeeper.catalog.v1 import product_service_pb2_grpc as grpc_api


class ProductServicer(grpc_api.ProductServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, *, create: CreateProduct, update: UpdateProduct) -> None:
        self._database = database
        self._create = create
        self._update = update

    async def CreateProduct(self, request: pb.CreateProductRequest, _context: Context) -> pb.CreateProductResponse:
        product = await self._create(product_spec_from_proto(request.product))
        return pb.CreateProductResponse(product=product_to_proto(product))

    async def UpdateProduct(self, request: pb.UpdateProductRequest, _context: Context) -> pb.UpdateProductResponse:
        product = await self._update(product_spec_from_proto(request.product), request.update_mask.paths)
        return pb.UpdateProductResponse(product=product_to_proto(product))

    async def GetProduct(self, request: pb.GetProductRequest, _context: Context) -> pb.GetProductResponse:
        product = await queries.get_product(self._database, request.product_id)
        return pb.GetProductResponse(product=product_to_proto(product))

    async def ListProducts(self, request: pb.ListProductsRequest, _context: Context) -> pb.ListProductsResponse:
        page = page_of(request.page_size, request.page_token, filters=["products"])
        rows = await queries.list_products(self._database, page)
        products, token = page_of_messages(rows, page, convert=product_to_proto, key=lambda product: (product.id,))
        return pb.ListProductsResponse(products=products, next_page_token=token)
