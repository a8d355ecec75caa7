"""Attempts at a payment, as they are made."""

from datetime import datetime

from billing.domain.collection import PaymentAttempt
from billing.domain.customer import Customer
from billing.domain.invoice import Invoice
from kernel.errors import TollkeeperError, precondition
from kernel.ids import new_id


def new_attempt(
    invoice: Invoice, customer: Customer, provider: str, *, scheduled: bool, now: datetime, revision: int
) -> PaymentAttempt:
    """An attempt to collect what is left of the invoice by what the customer pays with now."""
    return PaymentAttempt(
        id=new_id("pay"),
        invoice_id=invoice.id,
        customer_id=customer.id,
        provider=provider,
        provider_customer_id=customer.provider_customer_id,
        payment_method_id=customer.payment_method_id,
        amount=invoice.amount_remaining,
        scheduled=scheduled,
        create_time=now,
        revision=revision,
    )


def payment_method_missing(customer: Customer) -> TollkeeperError:
    """The refusal of charging a customer without a payment method."""
    message = f"The customer {customer.id} has no payment method. Attach one with AttachPaymentMethod first."
    return precondition("PAYMENT_METHOD_MISSING", message, customer_id=customer.id)
