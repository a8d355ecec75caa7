"""``ProductService``."""

from kit.db import Database
from kit.paging import next_token, page_of
from kit.rpc import Context

from catalog import queries
from catalog.messages.product import product_spec_from_proto, product_to_proto
from catalog.commands.create_product import CreateProduct
from tollkeeper.catalog.v1 import product_service_pb2 as pb
from tollkeeper.catalog.v1 import product_service_pb2_grpc as grpc_api


class ProductServicer(grpc_api.ProductServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, create: CreateProduct) -> None:
        self._database = database
        self._create = create

    async def CreateProduct(self, request: pb.CreateProductRequest, context: Context) -> pb.CreateProductResponse:
        product = await self._create(product_spec_from_proto(request.product))
        return pb.CreateProductResponse(product=product_to_proto(product))

    async def GetProduct(self, request: pb.GetProductRequest, context: Context) -> pb.GetProductResponse:
        product = await queries.get_product(self._database, request.product_id)
        return pb.GetProductResponse(product=product_to_proto(product))

    async def ListProducts(self, request: pb.ListProductsRequest, context: Context) -> pb.ListProductsResponse:
        page = page_of(request.page_size, request.page_token)
        rows = await queries.list_products(self._database, page)
        response = pb.ListProductsResponse(products=[product_to_proto(row) for row in rows[: page.size]])
        if len(rows) > page.size:
            response.next_page_token = next_token(page, [rows[page.size - 1].id])
        return response

    async def UpdateProduct(self, request: pb.UpdateProductRequest, context: Context) -> pb.UpdateProductResponse:
        raise NotImplementedError
