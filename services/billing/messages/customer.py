"""Customers in messages."""

from billing.domain.customer import Customer, CustomerSpec
from kit.proto import money_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import customer_pb2

_DEFAULT_CURRENCY = "USD"


def customer_to_proto(customer: Customer) -> customer_pb2.Customer:
    """A customer as the contract shows it."""
    return customer_pb2.Customer(
        id=customer.id,
        display_name=customer.display_name,
        email=customer.email,
        currency=customer.currency,
        test_clock_id=customer.test_clock_id or "",
        credit_balances=[money_to_proto(money) for money in customer.credit],
        revision=customer.revision,
        create_time=timestamp_to_proto(customer.create_time),
    )


def customer_spec_from_proto(message: customer_pb2.Customer) -> CustomerSpec:
    """What the caller says of a customer."""
    return CustomerSpec(
        message.id,
        message.display_name or message.id,
        message.email,
        message.currency or _DEFAULT_CURRENCY,
        message.test_clock_id or None,
    )
