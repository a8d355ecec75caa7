"""The accounts of items as coupons see them: what was charged lies in layers, each with what coupons took off it.

The charges of one item in one period fill an account from the bottom up. What is given back empties layers from the top, and what
is charged again fills them, with just what was taken off them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from billing.domain.invoice import AccountKey, Discount, InvoiceLine
from kernel.money import Currency, Money
from kernel.quantity import ZERO, round_half_away


@dataclass(slots=True)
class _Layer:
    """A part of an account that was charged at once, and what coupons took off it: by coupon id."""

    amount: Decimal
    discounts: dict[str, Discount]


@dataclass(slots=True)
class Account:
    """How high an account is filled, and the layers up to its highest."""

    currency: Currency
    level: Decimal = ZERO
    layers: list[_Layer] = field(default_factory=list)

    @property
    def room(self) -> Decimal:
        """How much can be charged again before anything is charged for the first time."""
        return sum((layer.amount for layer in self.layers), ZERO) - self.level

    def move(self, change: Decimal) -> dict[str, Discount]:
        """Fills or empties the account within its layers; what coupons took off the part that moved."""
        before, after = self._taken(self.level), self._taken(self.level + change)
        self.level += change
        return {
            coupon_id: replace(one, amount=one.amount - before[coupon_id].amount)
            for coupon_id, one in after.items()
            if one.amount != before[coupon_id].amount
        }

    def fill(self, amount: Decimal, discounts: Mapping[str, Discount]) -> None:
        """Puts a new layer on top."""
        self.layers.append(_Layer(amount, dict(discounts)))
        self.level += amount

    def most_back(self, wanted: Decimal, *, kept: Decimal) -> Decimal:
        """How much of what is wanted can be given back so that so much of the account stays, net of its coupons.

        Nothing, where less than that is there already. In whole minor units, as all of them are.
        """
        # What stays only shrinks with what is given back: so the last unit that may go is found by halving.
        digits = self.currency.minor_digits
        least, most = 0, int(wanted.scaleb(digits))
        while least < most:
            half = (least + most + 1) // 2
            enough = self._net(self.level - Decimal(half).scaleb(-digits)) >= kept
            least, most = (half, most) if enough else (least, half - 1)
        return Decimal(least).scaleb(-digits)

    def _net(self, level: Decimal) -> Decimal:
        return level - sum((one.amount.amount for one in self._taken(level).values()), ZERO)

    def _taken(self, level: Decimal) -> dict[str, Discount]:
        found: dict[str, Discount] = {}
        below = ZERO
        for layer in self.layers:
            part = Fraction(min(max(level - below, ZERO), layer.amount)) / Fraction(layer.amount)
            # Rounded together, not each by itself: all coupons never take off more than the part that they reduce.
            exact, rounded = Fraction(0), ZERO
            for coupon_id, one in layer.discounts.items():
                exact += Fraction(one.amount.amount) * part
                before, rounded = rounded, round_half_away(exact, self.currency.minor_digits)
                amount = Money(rounded - before, self.currency)
                held = found.get(coupon_id)
                found[coupon_id] = replace(one, amount=amount if held is None else held.amount + amount)
            below += layer.amount
        return found


def accounts_of(lines: Iterable[InvoiceLine], currency: Currency) -> dict[AccountKey, Account]:
    """The accounts that the lines, the oldest first, have filled; an empty one for every other key."""
    accounts: dict[AccountKey, Account] = defaultdict(lambda: Account(currency))
    for line in lines:
        held = accounts[line.account]
        within = min(line.subtotal.amount, held.room)
        moved = held.move(within)
        if line.subtotal.amount > within:
            off = {one.coupon_id: one for one in line.discounts}
            for coupon_id, one in moved.items():
                # Where what moved and what is new made up for one another, the line says nothing of the coupon.
                both = off.get(coupon_id, replace(one, amount=Money.zero(currency)))
                off[coupon_id] = replace(both, amount=both.amount - one.amount)
            held.fill(line.subtotal.amount - within, off)
    return accounts
