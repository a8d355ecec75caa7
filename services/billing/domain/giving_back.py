"""How much a line may give back: at most what its item was charged in the period, less what credit notes took back of it."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from billing.domain.invoice import AccountKey, InvoiceLine
from billing.domain.layers import Account, accounts_of
from kernel.money import Money
from kernel.pricing import Step
from kernel.quantity import EXACT, ZERO

_ONE: Final = Decimal(1)


def within_charges(lines: Sequence[InvoiceLine], account: Sequence[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """The lines, before their coupons; one that would give back what a credit note gave back already gives the less.

    Without credit notes nothing is to be done: what is given back lies within what was charged.
    """
    if not lines or not any(line.taken_back for line in account):
        return tuple(lines)
    taken: dict[AccountKey, Decimal] = {}
    for line in account:
        taken[line.account] = EXACT.add(taken.get(line.account, ZERO), line.taken_back)
    accounts = accounts_of(account, lines[0].subtotal.currency)
    return tuple(_within(line, accounts[line.account], taken.get(line.account, ZERO)) for line in lines)


def _within(line: InvoiceLine, account: Account, taken: Decimal) -> InvoiceLine:
    wanted = EXACT.minus(line.subtotal.amount)
    if not taken or wanted <= 0:
        return line
    excess = EXACT.subtract(wanted, account.most_back(wanted, kept=taken))
    if not excess:
        return line
    step = Step("taken back by credit notes before", _ONE, excess, excess)
    subtotal = line.subtotal + Money(excess, line.subtotal.currency)
    return replace(line, subtotal=subtotal, derivation=(*line.derivation, step))
