"""What the edge does before a handler is asked."""

import grpc
import pytest

from kit.client import call
from kit.errors import RemoteRefusal
from kit.rpc import MAX_MESSAGE_BYTES
from tollkeeper.catalog.v1 import product_pb2
from tollkeeper.catalog.v1 import product_service_pb2 as pb
from tollkeeper.catalog.v1.product_service_pb2_grpc import ProductServiceStub


async def test_a_message_that_is_too_large_is_told_what_to_do(catalog: grpc.aio.Channel) -> None:
    product = product_pb2.Product(id="large", description="x" * MAX_MESSAGE_BYTES)
    with pytest.raises(RemoteRefusal) as refused:
        await call(ProductServiceStub(catalog).CreateProduct, pb.CreateProductRequest(product=product))
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.reason == "INVALID_FIELD"
    assert "at most 4,194,304 bytes" in refused.value.violations[0].message
