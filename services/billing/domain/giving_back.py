"""How much a line may give back: at most what its item was charged in the period, less what credit notes took back of it."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from billing.domain.invoice import AccountKey, InvoiceLine
from kernel.money import Money
from kernel.pricing import Step
from kernel.quantity import EXACT, ZERO

_ONE: Final = Decimal(1)


def within_charges(lines: Sequence[InvoiceLine], account: Sequence[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """The lines; one that would give back what a credit note gave back already gives the less.

    Without credit notes nothing is to be done: what is given back lies within what was charged.
    """
    if not any(line.taken_back for line in account):
        return tuple(lines)
    kept: dict[AccountKey, Decimal] = {}
    for line in account:
        paid = EXACT.subtract(line.amount.amount, line.taken_back)
        kept[line.account] = EXACT.add(kept.get(line.account, ZERO), paid)
    return tuple(_within(line, kept.get(line.account, ZERO)) for line in lines)


def _within(line: InvoiceLine, kept: Decimal) -> InvoiceLine:
    excess = EXACT.subtract(EXACT.minus(line.amount.amount), max(kept, ZERO))
    if excess <= 0 or line.amount.amount >= 0:
        return line
    step = Step("taken back by credit notes before", _ONE, excess, excess)
    subtotal = line.subtotal + Money(excess, line.subtotal.currency)
    return replace(line, subtotal=subtotal, derivation=(*line.derivation, step))
