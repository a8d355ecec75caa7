"""Customers in messages."""

from billing.domain.credit import CreditEntry
from billing.domain.customer import CollectionMethod, Customer, CustomerSpec
from billing.messages.enums import enum_to_proto
from kernel.errors import FieldViolation, invalid
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
        country=customer.country,
        collection_method=enum_to_proto(customer_pb2.CollectionMethod, "COLLECTION_METHOD", customer.collection_method),
        etag=customer.etag,
        payment_method_id=customer.payment_method_id,
    )


def customer_spec_from_proto(message: customer_pb2.Customer) -> CustomerSpec:
    """What the caller says of a customer.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a collection method that the contract does not know.
    """
    return CustomerSpec(
        id=message.id,
        display_name=message.display_name or message.id,
        email=message.email,
        currency=message.currency or _DEFAULT_CURRENCY,
        test_clock_id=message.test_clock_id or None,
        country=message.country,
        collection_method=_collection_method(message.collection_method),
    )


def credit_entry_to_proto(entry: CreditEntry) -> customer_pb2.CreditEntry:
    """A change of a credit balance as the contract shows it."""
    return customer_pb2.CreditEntry(
        id=entry.id,
        customer_id=entry.customer_id,
        amount=money_to_proto(entry.amount),
        description=entry.description,
        invoice_id=entry.invoice_id or "",
        credit_note_id=entry.credit_note_id or "",
        create_time=timestamp_to_proto(entry.create_time),
    )


def _collection_method(number: int) -> CollectionMethod:
    match number:
        case customer_pb2.COLLECTION_METHOD_UNSPECIFIED | customer_pb2.COLLECTION_METHOD_MANUAL:
            return CollectionMethod.MANUAL
        case customer_pb2.COLLECTION_METHOD_AUTOMATIC:
            return CollectionMethod.AUTOMATIC
        case _:
            message = "must be COLLECTION_METHOD_MANUAL or COLLECTION_METHOD_AUTOMATIC"
            raise invalid(FieldViolation("customer.collection_method", message))
