"""What coupons take off the lines of an invoice.

The charges of one item in one period fill an account from the bottom up. Each part that is charged for the first time is reduced
by the coupons that count then; a part that is given back, and charged again, carries what was taken off it. So a credit for unused
time is net of the coupons on what it reverses, and up and at once down again is nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from billing.domain.coupon import AppliedCoupon, Coupon, Duration
from billing.domain.invoice import AccountKey, Discount, InvoiceLine
from kernel.money import Currency, Money
from kernel.quantity import ZERO, round_half_away


@dataclass(slots=True)
class _Layer:
    """A part of an account that was charged at once, and what coupons took off it: by coupon id."""

    amount: Decimal
    discounts: dict[str, Discount]


@dataclass(slots=True)
class _Account:
    """How high an account is filled, and the layers up to its highest."""

    currency: Currency
    level: Decimal = ZERO
    layers: list[_Layer] = field(default_factory=list)

    @property
    def top(self) -> Decimal:
        return sum((layer.amount for layer in self.layers), ZERO)

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


def discounted(
    lines: Sequence[InvoiceLine],
    *,
    account: Sequence[InvoiceLine],
    coupons: Sequence[AppliedCoupon],
    at: datetime,
    begins_period: bool,
    goes_on: bool,
) -> tuple[tuple[InvoiceLine, ...], tuple[AppliedCoupon, ...]]:
    """The lines with what coupons take off, and the coupons afterwards: one that counts once is used up.

    Args:
        lines: New ones, of one subscription.
        account: Those charged before in the same periods, the oldest first.
        coupons: The subscription's.
        at: When the lines are charged.
        begins_period: Whether the invoice begins or ends a billing period: fixed amounts are taken off such ones only.
        goes_on: Whether the subscription does: what a coupon had taken off a charge that is given back then goes over to what is
            charged in its place, so that nobody loses a coupon by an upgrade.
    """
    if not lines or not (coupons or any(line.discounts for line in account)):
        return tuple(lines), tuple(coupons)
    currency = lines[0].subtotal.currency
    accounts = _accounts(account, currency)
    moved, new = [], []
    for line in lines:
        held = accounts[line.account]
        change = line.subtotal.amount
        within = min(change, held.top - held.level)
        moved.append(held.move(within))
        new.append(change - within)
    counting = [
        one.coupon for one in coupons if one.counts(at) and (begins_period or one.coupon.percent_off is not None)
    ]
    over = _given_back(moved, {one.id for one in counting}) if goes_on else ()
    taken = _taken_off(new, counting, over, currency=currency)
    for line, amount, off in zip(lines, new, taken, strict=True):
        if amount:
            accounts[line.account].fill(amount, off)
    found = tuple(
        replace(line, discounts=_joined(back, off)) for line, back, off in zip(lines, moved, taken, strict=True)
    )
    used = {coupon_id for off in taken for coupon_id in off}
    return found, tuple(_used(one, at) if one.coupon.id in used and one.counts(at) else one for one in coupons)


def _accounts(lines: Iterable[InvoiceLine], currency: Currency) -> dict[AccountKey, _Account]:
    accounts: dict[AccountKey, _Account] = defaultdict(lambda: _Account(currency))
    for line in lines:
        held = accounts[line.account]
        within = min(line.subtotal.amount, held.top - held.level)
        moved = held.move(within)
        if line.subtotal.amount > within:
            off = {one.coupon_id: one for one in line.discounts}
            for coupon_id, one in moved.items():
                # Where what moved and what is new made up for one another, the line says nothing of the coupon.
                both = off.get(coupon_id, replace(one, amount=Money.zero(currency)))
                off[coupon_id] = replace(both, amount=both.amount - one.amount)
            held.fill(line.subtotal.amount - within, off)
    return accounts


def _given_back(moved: Sequence[Mapping[str, Discount]], counting: Collection[str]) -> list[Discount]:
    """What lines give back of coupons that take off nothing by themselves now, above zero, by coupon."""
    whole: dict[str, Discount] = {}
    for one in (one for line in moved for one in line.values() if one.coupon_id not in counting):
        held = whole.get(one.coupon_id)
        whole[one.coupon_id] = one if held is None else replace(one, amount=held.amount + one.amount)
    return [replace(one, amount=-one.amount) for one in whole.values() if one.amount.amount < 0]


def _taken_off(
    amounts: Sequence[Decimal], coupons: Sequence[Coupon], over: Sequence[Discount], *, currency: Currency
) -> list[dict[str, Discount]]:
    """What is taken off amounts that are charged for the first time: percentages, then fixed amounts, then what goes over."""
    left = list(amounts)
    taken: list[dict[str, Discount]] = [{} for _ in amounts]

    def take(coupon_id: str, description: str, wanted: Decimal) -> None:
        off = min(wanted, sum(left, ZERO))
        if not off:
            return
        for i, part in enumerate(Money(off, currency).split(left)):
            if part.amount:
                taken[i][coupon_id] = Discount(coupon_id, description, part)
                left[i] -= part.amount

    for coupon in sorted(coupons, key=lambda one: one.percent_off is None):
        if coupon.percent_off is not None:
            part = Fraction(sum(left, ZERO)) * Fraction(coupon.percent_off) / 100
            take(coupon.id, coupon.description, round_half_away(part, currency.minor_digits))
        elif (amount := coupon.amount_off(currency.code)) is not None:
            take(coupon.id, coupon.description, amount.amount)
    for one in over:
        take(one.coupon_id, one.description, one.amount.amount)
    return taken


def _joined(back: Mapping[str, Discount], off: Mapping[str, Discount]) -> tuple[Discount, ...]:
    both = dict(back)
    for coupon_id, one in off.items():
        held = both.get(coupon_id)
        both[coupon_id] = one if held is None else replace(one, amount=held.amount + one.amount)
    return tuple(one for one in both.values() if one.amount.amount)


def _used(one: AppliedCoupon, at: datetime) -> AppliedCoupon:
    return replace(one, end_time=at) if one.coupon.duration is Duration.ONCE else one
