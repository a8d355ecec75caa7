"""Invoices in messages."""

from billing.domain.invoice import Invoice, InvoiceLine, number_text
from billing.messages.enums import enum_to_proto
from kernel.pricing import Step
from kit.proto import decimal_to_proto, money_to_proto, period_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import invoice_pb2


def invoice_to_proto(invoice: Invoice) -> invoice_pb2.Invoice:
    """An invoice as the contract shows it."""
    settlement = invoice.settlement
    message = invoice_pb2.Invoice(
        id=invoice.id,
        number="" if invoice.number is None else number_text(invoice.number),
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        state=enum_to_proto(invoice_pb2.InvoiceState, "INVOICE_STATE", invoice.state),
        reason=enum_to_proto(invoice_pb2.InvoiceReason, "INVOICE_REASON", invoice.reason),
        currency=settlement.total.currency.code,
        lines=[line_to_proto(line) for line in invoice.lines],
        total=money_to_proto(settlement.total),
        credit_applied=money_to_proto(settlement.credit_applied),
        credit_granted=money_to_proto(settlement.credit_granted),
        amount_due=money_to_proto(settlement.amount_due),
        tax_behavior=invoice_pb2.TAX_BEHAVIOR_EXCLUSIVE,
        revision=invoice.revision,
    )
    if invoice.finalize_time is not None:
        message.finalize_time.CopyFrom(timestamp_to_proto(invoice.finalize_time))
    if invoice.paid_time is not None:
        message.paid_time.CopyFrom(timestamp_to_proto(invoice.paid_time))
    return message


def line_to_proto(line: InvoiceLine) -> invoice_pb2.InvoiceLine:
    """A line as the contract shows it."""
    message = invoice_pb2.InvoiceLine(
        type=enum_to_proto(invoice_pb2.InvoiceLineType, "INVOICE_LINE_TYPE", line.type),
        charge_id=line.charge_id,
        feature_id=line.feature_id,
        description=line.description,
        quantity=decimal_to_proto(line.quantity),
        previous_quantity="" if line.previous_quantity is None else decimal_to_proto(line.previous_quantity),
        period=period_to_proto(line.period),
        amount=money_to_proto(line.amount),
        derivation=[step_to_proto(step) for step in line.derivation],
    )
    if line.part is not None:
        message.proration.charged_microseconds = line.part.charged_microseconds
        message.proration.period_microseconds = line.part.period_microseconds
    return message


def step_to_proto(step: Step) -> invoice_pb2.DerivationStep:
    """A step of a derivation as the contract shows it."""
    return invoice_pb2.DerivationStep(
        description=step.description,
        quantity=decimal_to_proto(step.quantity),
        unit_price=decimal_to_proto(step.unit_price),
        amount=decimal_to_proto(step.amount),
    )
