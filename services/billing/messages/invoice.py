"""Invoices in messages.

They are filled in place: a message that is made by itself and put into another is copied, and the events of a thousand renewals a
second are made here.
"""

from billing.domain.invoice import Discount, Invoice, InvoiceLine, LineType, number_text
from billing.messages.enums import enum_to_proto
from kernel.money import Money
from kit.proto import decimal_to_proto, period_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.common.v1 import money_pb2

_TIMES = ("finalize_time", "paid_time", "next_attempt_time", "close_time")


def invoice_to_proto(invoice: Invoice) -> invoice_pb2.Invoice:
    """An invoice as the contract shows it."""
    message = invoice_pb2.Invoice()
    fill_invoice(message, invoice)
    return message


def fill_invoice(message: invoice_pb2.Invoice, invoice: Invoice) -> None:
    """Makes an empty message, such as an event's, show the invoice."""
    settlement, to = invoice.settlement, invoice.bill_to
    message.id = invoice.id
    message.number = "" if invoice.number is None else number_text(invoice.number)
    message.customer_id = invoice.customer_id
    message.subscription_id = invoice.subscription_id or ""
    message.state = enum_to_proto(invoice_pb2.InvoiceState, "INVOICE_STATE", invoice.state)
    message.reason = enum_to_proto(invoice_pb2.InvoiceReason, "INVOICE_REASON", invoice.reason)
    message.currency = settlement.total.currency.code
    for line in invoice.lines:
        _put_line(message.lines.add(), line)
    _put_money(message.total, settlement.total)
    _put_money(message.credit_applied, settlement.credit_applied)
    _put_money(message.credit_granted, settlement.credit_granted)
    _put_money(message.amount_due, settlement.amount_due)
    message.tax_behavior = invoice_pb2.TAX_BEHAVIOR_EXCLUSIVE
    message.revision = invoice.revision
    _put_money(message.subtotal, invoice.subtotal)
    for one in invoice.discounts:
        _put_discount(message.discounts.add(), one)
    _put_money(message.amount_paid, invoice.amount_paid)
    _put_money(message.amount_credited, invoice.amount_credited)
    _put_money(message.amount_remaining, invoice.amount_remaining)
    message.bill_to.display_name, message.bill_to.email, message.bill_to.country = to.display_name, to.email, to.country
    message.create_time.CopyFrom(timestamp_to_proto(invoice.create_time))
    for name in _TIMES:
        time = getattr(invoice, name)
        if time is not None:
            getattr(message, name).CopyFrom(timestamp_to_proto(time))


def _put_line(message: invoice_pb2.InvoiceLine, line: InvoiceLine) -> None:
    message.type = enum_to_proto(invoice_pb2.InvoiceLineType, "INVOICE_LINE_TYPE", line.type)
    message.charge_id = line.charge_id
    message.feature_id = line.feature_id
    message.description = line.description
    message.quantity = decimal_to_proto(line.quantity)
    if line.previous_quantity is not None:
        message.previous_quantity = decimal_to_proto(line.previous_quantity)
    if line.type is not LineType.MANUAL:
        message.period.CopyFrom(period_to_proto(line.period))
    _put_money(message.amount, line.amount)
    _put_money(message.subtotal, line.subtotal)
    for step in line.derivation:
        message.derivation.add(
            description=step.description,
            quantity=decimal_to_proto(step.quantity),
            unit_price=decimal_to_proto(step.unit_price),
            amount=decimal_to_proto(step.amount),
        )
    for one in line.discounts:
        _put_discount(message.discounts.add(), one)
    if line.source is not None:
        message.source_id = line.source.id
        message.plan_version = line.source.plan_version
    if line.part is not None:
        message.proration.charged_microseconds = line.part.charged_microseconds
        message.proration.period_microseconds = line.part.period_microseconds


def _put_discount(message: invoice_pb2.Discount, discount: Discount) -> None:
    message.coupon_id = discount.coupon_id
    message.description = discount.description
    _put_money(message.amount, discount.amount)


def _put_money(message: money_pb2.Money, money: Money) -> None:
    message.currency = money.currency.code
    message.amount = f"{money.amount:.{money.currency.minor_digits}f}"
