"""Whatever becomes of a subscription, its lines come to the closed-form price of what was held, and never give back more than they took."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.charging import Change
from billing.domain.coupon import AppliedCoupon, Duration
from billing.domain.invoice import AccountKey, InvoiceLine
from billing.domain.invoicing import draft_invoice
from kernel.money import USD, Money
from tests.properties.billing.lives import Life
from tests.unit.billing.terms import customer


@settings(max_examples=60)
@given(st.data())
def test_a_life_costs_what_was_held(data: st.DataObject) -> None:
    life = Life(data)
    for _ in range(data.draw(st.integers(1, 8))):
        life.step()
        lines = life.story.lines
        assert sum((Fraction(line.subtotal.amount) for line in lines), Fraction(0)) == life.book.total(life.digits)
        held = life.subscription
        assert (held.live, held.cancel_time) == (
            life.book.state != "ENDED",
            life.book.cancel_time if held.live else None,
        )
        if held.live:
            assert (held.period.start, held.period.end) == (life.book.span.start, life.book.span.end)
            assert held.holding.plan_key == life.book.holding.key
        _check_accounts(lines)
        _check_coupons(lines, held.coupons)
        for change in life.story.changes:
            _check_invoice(change)


def _check_accounts(lines: list[InvoiceLine]) -> None:
    """Of one item in one period, nothing is given back that was not charged, with and without coupons."""
    accounts: dict[AccountKey, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for line in lines:
        before, net = accounts[line.account]
        accounts[line.account] = before, net = before + line.subtotal.amount, net + line.amount.amount
        assert 0 <= net <= before


def _check_coupons(lines: list[InvoiceLine], coupons: Sequence[AppliedCoupon]) -> None:
    """What each takes off is not below zero; a fixed amount that counts once is taken off once."""
    for applied in coupons:
        coupon, unit = applied.coupon, lines[0].subtotal.currency if lines else USD
        off = Money.total((one.amount for line in lines for one in line.discounts if one.coupon_id == coupon.id), unit)
        assert off.amount >= 0
        once = coupon.amount_off(unit.code) if coupon.duration is Duration.ONCE else None
        assert once is None or off.amount <= once.amount


def _check_invoice(change: Change) -> None:
    if not change.lines:
        return
    invoice = draft_invoice(change, customer(change.at), change.at)
    unit = invoice.subtotal.currency
    off = Money.total((one.amount for one in invoice.discounts), unit)
    assert invoice.subtotal - off == invoice.settlement.total == Money.total((one.amount for one in change.lines), unit)
    for line in change.lines:
        _check_line(line)


def _check_line(line: InvoiceLine) -> None:
    unit = line.subtotal.currency
    off = Money.total((one.amount for one in line.discounts), unit)
    assert line.amount == line.subtotal - off
    assert line.amount.rounded() == line.amount
    steps = Money(sum((step.amount for step in line.derivation), Decimal(0)), unit)
    assert steps.rounded() == line.subtotal
    if line.part is not None or line.previous_quantity is not None:
        assert steps == line.subtotal
