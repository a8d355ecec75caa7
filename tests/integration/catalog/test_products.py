"""Products over the wire."""

import grpc
import pytest

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog.announced import listen
from tollkeeper.catalog.v1 import catalog_events_pb2, product_pb2
from tollkeeper.catalog.v1 import product_service_pb2 as pb
from tollkeeper.catalog.v1.product_service_pb2_grpc import ProductServiceStub


async def test_a_product_is_made_announced_and_read_back(catalog: grpc.aio.Channel, broker: Broker) -> None:
    stub = ProductServiceStub(catalog)
    announced = await listen(broker, "tollkeeper.catalog.product.created.*")
    made = await call(stub.CreateProduct, pb.CreateProductRequest(product=product_pb2.Product(id="airport")))
    read = await call(stub.GetProduct, pb.GetProductRequest(product_id="airport"))
    assert read.product == made.product
    message = await announced.next_msg(timeout=5)
    assert catalog_events_pb2.ProductCreated.FromString(message.data).product == made.product


async def test_bad_ids_are_refused_by_name(catalog: grpc.aio.Channel) -> None:
    stub = ProductServiceStub(catalog)
    with pytest.raises(RemoteRefusal) as refused:
        await call(
            stub.CreateProduct, pb.CreateProductRequest(product=product_pb2.Product(id="a\0b", display_name="x\0"))
        )
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.path for violation in refused.value.violations] == ["product.id", "product.display_name"]


async def test_bytes_that_are_no_message_are_an_invalid_argument(catalog: grpc.aio.Channel) -> None:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = catalog.unary_unary(
        "/tollkeeper.catalog.v1.ProductService/GetProduct"
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await method(b"\xff\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
