"""Attempts at a payment in messages."""

from billing.domain.collection import PaymentAttempt
from billing.messages.enums import enum_to_proto
from kit.proto import money_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import payment_attempt_pb2


def attempt_to_proto(attempt: PaymentAttempt) -> payment_attempt_pb2.PaymentAttempt:
    """An attempt as the contract shows it."""
    message = payment_attempt_pb2.PaymentAttempt(
        id=attempt.id,
        invoice_id=attempt.invoice_id,
        customer_id=attempt.customer_id,
        provider=attempt.provider,
        provider_payment_id=attempt.provider_payment_id,
        state=enum_to_proto(payment_attempt_pb2.PaymentAttemptState, "PAYMENT_ATTEMPT_STATE", attempt.state),
        amount=money_to_proto(attempt.amount),
        failure_code=attempt.failure_code,
        failure_message=attempt.failure_message,
        create_time=timestamp_to_proto(attempt.create_time),
        revision=attempt.revision,
    )
    if attempt.end_time is not None:
        message.end_time.CopyFrom(timestamp_to_proto(attempt.end_time))
    return message
