"""What coupons take off the lines of an invoice.

Each part of an account, see `layers`, that is charged for the first time is reduced by the coupons that count then; a part that is
given back, and charged again, carries what was taken off it. So a credit for unused time is net of the coupons on what it reverses,
and up and at once down again is nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from billing.domain.coupon import AppliedCoupon, Coupon, Duration
from billing.domain.invoice import USAGE_TYPES, Discount, InvoiceLine
from billing.domain.layers import accounts_of
from kernel.money import Currency, Money
from kernel.quantity import ZERO, round_half_away


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
    accounts = accounts_of(account, currency)
    moved, new = [], []
    for line in lines:
        held = accounts[line.account]
        change = line.subtotal.amount
        within = min(change, held.room)
        moved.append(held.move(within))
        new.append(change - within)
    counting = [
        one.coupon for one in coupons if one.counts(at) and (begins_period or one.coupon.percent_off is not None)
    ]
    counting_ids = {one.id for one in counting}
    # Nothing is charged in the place of usage that became less.
    advance = [back for line, back in zip(lines, moved, strict=True) if line.type not in USAGE_TYPES]
    over = _given_back(advance, counting_ids) if goes_on else ()
    taken = _taken_off(new, counting, over, currency=currency)
    for line, amount, off in zip(lines, new, taken, strict=True):
        if amount:
            accounts[line.account].fill(amount, off)
    found = tuple(
        replace(line, discounts=_joined(back, off)) for line, back, off in zip(lines, moved, taken, strict=True)
    )
    # One that only went over was used up before; applied anew, it still counts.
    used = counting_ids.intersection(coupon_id for off in taken for coupon_id in off)
    return found, tuple(_used(one, at) if one.coupon.id in used and one.counts(at) else one for one in coupons)


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
