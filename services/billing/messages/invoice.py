"""Invoices in messages."""

from billing.domain.invoice import Discount, Invoice, InvoiceLine, LineType, number_text
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
        subscription_id=invoice.subscription_id or "",
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
        subtotal=money_to_proto(invoice.subtotal),
        discounts=[discount_to_proto(one) for one in invoice.discounts],
        amount_paid=money_to_proto(invoice.amount_paid),
        amount_credited=money_to_proto(invoice.amount_credited),
        amount_remaining=money_to_proto(invoice.amount_remaining),
        bill_to=invoice_pb2.BillTo(
            display_name=invoice.bill_to.display_name, email=invoice.bill_to.email, country=invoice.bill_to.country
        ),
        create_time=timestamp_to_proto(invoice.create_time),
    )
    for name in ("finalize_time", "paid_time", "next_attempt_time", "close_time"):
        time = getattr(invoice, name)
        if time is not None:
            getattr(message, name).CopyFrom(timestamp_to_proto(time))
    return message


def discount_to_proto(discount: Discount) -> invoice_pb2.Discount:
    """What a coupon took off as the contract shows it."""
    return invoice_pb2.Discount(
        coupon_id=discount.coupon_id, description=discount.description, amount=money_to_proto(discount.amount)
    )


def line_to_proto(line: InvoiceLine) -> invoice_pb2.InvoiceLine:
    """A line as the contract shows it."""
    message = invoice_pb2.InvoiceLine(
        type=enum_to_proto(invoice_pb2.InvoiceLineType, "INVOICE_LINE_TYPE", line.type),
        charge_id=line.charge_id,
        feature_id=line.feature_id,
        description=line.description,
        quantity=decimal_to_proto(line.quantity),
        previous_quantity="" if line.previous_quantity is None else decimal_to_proto(line.previous_quantity),
        amount=money_to_proto(line.amount),
        derivation=[step_to_proto(step) for step in line.derivation],
        subtotal=money_to_proto(line.subtotal),
        discounts=[discount_to_proto(one) for one in line.discounts],
    )
    if line.type is not LineType.MANUAL:
        message.period.CopyFrom(period_to_proto(line.period))
    if line.source is not None:
        message.source_id = line.source.id
        message.plan_version = line.source.plan_version
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
