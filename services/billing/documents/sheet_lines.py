"""The lines of an invoice in words: what is charged, and step by step how its amount is made."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.documents import reading
from kernel.money import Currency, Money
from kernel.quantity import EXACT
from tollkeeper.billing.v1.invoice_pb2 import DerivationStep, InvoiceLine


@dataclass(frozen=True, slots=True)
class SheetStep:
    """One step in small print.

    Attributes:
        calculation: "5 × $20.00"; empty for one of something.
        amount: Of the column of subtotals; empty on a discount.
        discount: Of the column of discounts; empty on any other step.
    """

    description: str
    calculation: str
    amount: str
    discount: str


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One line: its steps add up to the subtotal, and subtotal and discounts to the amount.

    Attributes:
        period: Its start and its end.
        part: "16 of 31 days" on a prorated line, else empty.
        discount: What all its coupons took off, below zero; empty where there were none.
    """

    description: str
    quantity: str
    period: tuple[str, ...]
    part: str
    subtotal: str
    discount: str
    amount: str
    steps: tuple[SheetStep, ...]


def sheet_line(line: InvoiceLine, currency: Currency, time_zone: str) -> SheetLine:
    """A line in words."""
    amount = reading.money(line.amount, currency)
    subtotal = reading.money(line.subtotal, currency) if line.HasField("subtotal") else amount
    return SheetLine(
        description=reading.legible(line.description),
        quantity=reading.number(line.quantity),
        period=reading.bounds(line.period, time_zone),
        part=reading.part(line.proration) if line.HasField("proration") else "",
        subtotal=reading.shown(subtotal),
        discount=reading.shown_unless_zero(amount - subtotal),
        amount=reading.shown(amount),
        steps=tuple(_steps(line, subtotal)),
    )


def _steps(line: InvoiceLine, subtotal: Money) -> Iterator[SheetStep]:
    currency = subtotal.currency
    for step in line.derivation:
        yield SheetStep(
            description=reading.legible(step.description),
            calculation=_calculation(step, currency),
            amount=reading.shown(reading.amount(step.amount, currency)),
            discount="",
        )
    rounding = subtotal - Money.total((reading.amount(step.amount, currency) for step in line.derivation), currency)
    if line.derivation and rounding.amount:
        yield SheetStep(f"rounded to {reading.smallest(currency)}", "", reading.shown(rounding), "")
    for discount in line.discounts:
        off = -reading.money(discount.amount, currency)
        yield SheetStep(reading.legible(discount.description), "", "", reading.shown(off))


def _calculation(step: DerivationStep, currency: Currency) -> str:
    if not step.quantity or not step.unit_price or Decimal(step.quantity) == 1:
        return ""
    product = EXACT.multiply(Decimal(step.quantity), Decimal(step.unit_price))
    # A share of time without end is shown to twelve places: a calculator must not be told that this is all of it.
    endless = "" if product == Decimal(step.amount) else "…"
    return f"{reading.number(step.quantity)}{endless} × {reading.shown(reading.amount(step.unit_price, currency))}"
