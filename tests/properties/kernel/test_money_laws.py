"""Laws of money: nothing is lost by adding, rounding or splitting."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.money import CURRENCIES, USD, Money, format_money, split

LAWS = settings(deadline=None, max_examples=150)
AMOUNTS = st.decimals(-(10**12), 10**12, places=12)
CENTS = st.integers(-(10**12), 10**12).map(lambda cents: Decimal(f"{cents}E-2"))
WEIGHTS = st.lists(st.decimals(0, 10**9, places=6), min_size=1, max_size=12).filter(any)


@LAWS
@given(CENTS, WEIGHTS)
def test_the_parts_add_up_to_the_whole(amount: Decimal, weights: list[Decimal]) -> None:
    parts = split(amount, weights, places=2)
    assert len(parts) == len(weights)
    assert sum(map(Fraction, parts)) == Fraction(amount)


@LAWS
@given(CENTS, WEIGHTS)
def test_each_part_is_within_a_unit_of_its_share(amount: Decimal, weights: list[Decimal]) -> None:
    whole = sum(map(Fraction, weights))
    for part, weight in zip(split(amount, weights, places=2), weights, strict=True):
        share = Fraction(amount) * Fraction(weight) / whole
        assert abs(Fraction(part) - share) < Fraction(1, 100)
        assert (Fraction(part) * 100).denominator == 1
        assert weight or not part


@LAWS
@given(CENTS, WEIGHTS, st.integers(1, 1000))
def test_a_split_depends_on_proportions_only(amount: Decimal, weights: list[Decimal], factor: int) -> None:
    scaled = [weight * factor for weight in weights]
    parts = split(amount, weights, places=2)
    assert split(amount, scaled, places=2) == parts
    assert split(amount.copy_negate(), weights, places=2) == tuple(part.copy_negate() for part in parts)


@LAWS
@given(CENTS.map(abs), WEIGHTS)
def test_a_larger_weight_never_gets_less(amount: Decimal, weights: list[Decimal]) -> None:
    parts = split(amount, weights, places=2)
    ordered = sorted(zip(weights, parts, strict=True))
    assert all(more[1] >= less[1] for less, more in pairwise(ordered) if more[0] > less[0])


@LAWS
@given(AMOUNTS, st.sampled_from(sorted(CURRENCIES)))
def test_rounding_is_symmetric(amount: Decimal, code: str) -> None:
    money = Money(amount, CURRENCIES[code])
    assert (-money).rounded() == -money.rounded()
    assert money.rounded().rounded() == money.rounded()


@LAWS
@given(st.lists(AMOUNTS, max_size=8), AMOUNTS)
def test_adding_and_taking_away_loses_nothing(amounts: list[Decimal], more: Decimal) -> None:
    moneys = [Money(amount, USD) for amount in amounts]
    whole = Money.total(moneys, USD)
    assert whole + Money(more, USD) - Money(more, USD) == whole
    assert Money.total(reversed(moneys), USD) == whole


@LAWS
@given(AMOUNTS, st.sampled_from(sorted(CURRENCIES)))
def test_what_is_shown_is_the_amount(amount: Decimal, code: str) -> None:
    shown = format_money(Money(amount, CURRENCIES[code]))
    assert Decimal("".join(mark for mark in shown if mark in "-.0123456789")) == amount
