"""Products in messages."""

from catalog.domain.product import Product, ProductSpec
from kit.proto import timestamp_to_proto
from tollkeeper.catalog.v1 import product_pb2


def product_to_proto(product: Product) -> product_pb2.Product:
    """A product as the contract shows it."""
    return product_pb2.Product(
        id=product.id,
        display_name=product.display_name,
        description=product.description,
        revision=product.revision,
        create_time=timestamp_to_proto(product.create_time),
        update_time=timestamp_to_proto(product.update_time),
        multiple_subscriptions=product.multiple_subscriptions,
    )


def product_spec_from_proto(message: product_pb2.Product) -> ProductSpec:
    """What the caller says of a product."""
    return ProductSpec(message.id, message.display_name, message.description, message.multiple_subscriptions)
