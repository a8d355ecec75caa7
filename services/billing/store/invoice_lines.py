"""Invoice lines in the store."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from billing.domain.invoice import ChargedPart, InvoiceLine, LineType
from kernel.money import Money, currency
from kernel.period import Period
from kernel.pricing import Step
from kernel.quantity import format_decimal


def line_to_row(line: InvoiceLine) -> dict[str, object]:
    """The columns of a line, without those of its invoice."""
    return {
        "period_number": line.period_number,
        "type": line.type,
        "charge_id": line.charge_id,
        "feature_id": line.feature_id,
        "description": line.description,
        "quantity": line.quantity,
        "previous_quantity": line.previous_quantity,
        "period_start": line.period.start,
        "period_end": line.period.end,
        "currency": line.amount.currency.code,
        "amount": line.amount.amount,
        "derivation": [_step_to_json(step) for step in line.derivation],
        "charged_microseconds": None if line.part is None else line.part.charged_microseconds,
        "period_microseconds": None if line.part is None else line.part.period_microseconds,
        "usage_revision": line.usage_revision,
    }


def line_from_row(row: Row[Any]) -> InvoiceLine:
    """The line of a row."""
    part = None
    if row.period_microseconds is not None:
        part = ChargedPart(row.charged_microseconds, row.period_microseconds)
    return InvoiceLine(
        type=LineType(row.type),
        charge_id=row.charge_id,
        feature_id=row.feature_id,
        description=row.description,
        quantity=row.quantity,
        period_number=row.period_number,
        period=Period(row.period_start, row.period_end),
        amount=Money(row.amount, currency(row.currency)),
        derivation=tuple(_step_from_json(step) for step in row.derivation),
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
