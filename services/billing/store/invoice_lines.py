"""Invoice lines in the store."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from billing.domain.invoice import ChargedPart, Discount, InvoiceLine, LineType, Source
from kernel.money import Money, currency
from kernel.period import BillingPeriod, Period
from kernel.pricing import Step
from kernel.quantity import format_decimal


def line_to_row(line: InvoiceLine) -> dict[str, object]:
    """The columns of a line, without those of its invoice."""
    return {
        "period_number": line.period_number,
        "type": line.type,
        "source_id": None if line.source is None else line.source.id,
        "plan_id": None if line.source is None else line.source.plan_id,
        "plan_version": None if line.source is None else line.source.plan_version,
        "billing_period": None if line.source is None else line.source.billing_period,
        "charge_id": line.charge_id,
        "feature_id": line.feature_id,
        "description": line.description,
        "quantity": line.quantity,
        "previous_quantity": line.previous_quantity,
        "period_start": line.period.start,
        "period_end": line.period.end,
        "currency": line.subtotal.currency.code,
        "subtotal": line.subtotal.amount,
        "discounts": [[one.coupon_id, one.description, format_decimal(one.amount.amount)] for one in line.discounts],
        "amount": line.amount.amount,
        "derivation": [_step_to_json(step) for step in line.derivation],
        "charged_microseconds": None if line.part is None else line.part.charged_microseconds,
        "period_microseconds": None if line.part is None else line.part.period_microseconds,
        "usage_revision": line.usage_revision,
    }


def line_from_row(row: Row[Any]) -> InvoiceLine:
    """The line of a row."""
    return _line(row, tuple(_step_from_json(step) for step in row.derivation))


def account_line_from_row(row: Row[Any]) -> InvoiceLine:
    """The line of a row without its derivation, which nothing is computed from."""
    return _line(row, ())


def _line(row: Row[Any], derivation: tuple[Step, ...]) -> InvoiceLine:
    part = None
    if row.period_microseconds is not None:
        part = ChargedPart(row.charged_microseconds, row.period_microseconds)
    source = None
    if row.source_id is not None:
        source = Source(row.source_id, row.plan_id, row.plan_version, BillingPeriod(row.billing_period))
    unit = currency(row.currency)
    return InvoiceLine(
        type=LineType(row.type),
        source=source,
        charge_id=row.charge_id,
        feature_id=row.feature_id,
        description=row.description,
        quantity=row.quantity,
        period_number=row.period_number,
        period=Period(row.period_start, row.period_end),
        subtotal=Money(row.subtotal, unit),
        derivation=derivation,
        discounts=tuple(Discount(one[0], one[1], Money(Decimal(one[2]), unit)) for one in row.discounts),
        previous_quantity=row.previous_quantity,
        part=part,
        usage_revision=row.usage_revision,
    )


def _step_to_json(step: Step) -> list[str]:
    numbers = (step.quantity, step.unit_price, step.amount)
    return [step.description, *(format_decimal(number) for number in numbers)]


def _step_from_json(step: list[str]) -> Step:
    description, *numbers = step
    return Step(description, *(Decimal(number) for number in numbers))
