"""Invoices as messages, in few words; their sums are made here, so that each adds up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from kernel.money import CURRENCIES, Money
from kernel.period import Period
from kernel.quantity import ZERO, format_decimal
from kit.proto import money_to_proto, period_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import invoice_pb2 as pb
from tollkeeper.common.v1 import money_pb2

Discounts = Sequence[tuple[str, str]]
JANUARY = Period(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC))
FEBRUARY = Period(datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC))


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> Timestamp:
    """A time of 2013."""
    return timestamp_to_proto(datetime(2013, month, day, hour, minute, tzinfo=UTC))


def money(amount: str | Decimal, currency: str = "USD") -> money_pb2.Money:
    """An amount in whole minor units."""
    return money_to_proto(Money(Decimal(amount), CURRENCIES[currency]))


def step(description: str, quantity: str, unit_price: str, amount: str = "") -> pb.DerivationStep:
    """A step; its amount is the product unless it is told."""
    product = format_decimal(Decimal(quantity) * Decimal(unit_price))
    return pb.DerivationStep(
        description=description, quantity=quantity, unit_price=unit_price, amount=amount or product
    )


def line(
    description: str,
    subtotal: str,
    *steps: pb.DerivationStep,
    quantity: str = "1",
    period: Period | None = FEBRUARY,
    discounts: Discounts = (),
    currency: str = "USD",
    type: pb.InvoiceLineType.ValueType = pb.INVOICE_LINE_TYPE_COMMITMENT,
    days: tuple[int, int] | None = None,
) -> pb.InvoiceLine:
    """A line; its amount is the subtotal less the discounts, `days` the part of a period that it charges for."""
    off = sum((Decimal(amount) for _, amount in discounts), ZERO)
    made = pb.InvoiceLine(
        type=type,
        charge_id="gates",
        description=description,
        quantity=quantity,
        amount=money(Decimal(subtotal) - off, currency),
        subtotal=money(subtotal, currency),
        derivation=steps,
        discounts=[discount(name, amount, currency) for name, amount in discounts],
    )
    if period is not None:
        made.period.CopyFrom(period_to_proto(period))
    if days is not None:
        microseconds = 86_400_000_000
        made.proration.charged_microseconds, made.proration.period_microseconds = (n * microseconds for n in days)
    return made


def discount(description: str, amount: str, currency: str = "USD") -> pb.Discount:
    """What a coupon took off."""
    return pb.Discount(coupon_id="welcome", description=description, amount=money(amount, currency))


def bill(
    *lines: pb.InvoiceLine,
    state: pb.InvoiceState.ValueType = pb.INVOICE_STATE_OPEN,
    number: str = "TK-000003",
    currency: str = "USD",
    credit: str = "0",
    paid: str = "0",
    credited: str = "0",
    discounts: Discounts = (),
    reason: pb.InvoiceReason.ValueType = pb.INVOICE_REASON_RENEWAL,
    name: str = "United Airlines",
) -> pb.Invoice:
    """An invoice that uses so much credit; a total below zero becomes credit."""
    total = sum((Decimal(line.amount.amount) for line in lines), ZERO)
    due = max(total - Decimal(credit), ZERO)
    left = ZERO if state in (pb.INVOICE_STATE_VOID, pb.INVOICE_STATE_DRAFT) else due - Decimal(paid) - Decimal(credited)
    made = pb.Invoice(
        id="inv_7Q2V",
        number="" if state == pb.INVOICE_STATE_DRAFT else number,
        customer_id="UA",
        subscription_id="sub_UA",
        state=state,
        reason=reason,
        currency=currency,
        lines=lines,
        subtotal=money(sum((Decimal(line.subtotal.amount) for line in lines), ZERO), currency),
        discounts=[discount(name, amount, currency) for name, amount in discounts],
        total=money(total, currency),
        credit_applied=money(credit, currency),
        credit_granted=money(max(-total, ZERO), currency),
        amount_due=money(due, currency),
        amount_paid=money(paid, currency),
        amount_credited=money(credited, currency),
        amount_remaining=money(left, currency),
        tax_behavior=pb.TAX_BEHAVIOR_EXCLUSIVE,
        create_time=at(2, 1),
        bill_to=pb.BillTo(display_name=name, email="ap@united.example", country="US"),
        revision=17,
    )
    _date(made)
    return made


def renewal() -> pb.Invoice:
    """The README's third invoice: 24 gates in advance, 4,512 departures in arrears."""
    return bill(
        line(
            "Gates: 24 gates committed, from 1 Feb 2013 to 1 Mar 2013",
            "338",
            step("units 1–5", "5", "20"),
            step("flat fee of units 1–5", "1", "10"),
            step("units 6–10", "5", "15"),
            step("flat fee of units 6–10", "1", "8"),
            step("units 11–24", "14", "10"),
            step("flat fee of units 11 and above", "1", "5"),
            quantity="24",
        ),
        line(
            "Departures: 4,512 departures used, from 1 Jan 2013 to 1 Feb 2013",
            "25",
            step("5 packages of 1000", "5", "5"),
            quantity="4512",
            period=JANUARY,
            type=pb.INVOICE_LINE_TYPE_USAGE,
        ),
    )


def _date(invoice: pb.Invoice) -> None:
    if invoice.state != pb.INVOICE_STATE_DRAFT:
        invoice.finalize_time.CopyFrom(at(2, 1))
    if invoice.state == pb.INVOICE_STATE_PAID:
        invoice.paid_time.CopyFrom(at(2, 3))
    if invoice.state in (pb.INVOICE_STATE_VOID, pb.INVOICE_STATE_UNCOLLECTIBLE):
        invoice.close_time.CopyFrom(at(3, 4))
