"""Laws of the five pricing models."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.pricing import (
    FlatRate,
    Graduated,
    Package,
    PriceList,
    StairStep,
    StairStepTier,
    Tier,
    Volume,
    price,
    violations,
    whole_blocks,
)

LAWS = settings(deadline=None, max_examples=150)
PRICES = st.decimals(0, 10**6, places=12) | st.integers(0, 100).map(Decimal)
SIZES = st.decimals("0.001", 10**6, places=3) | st.integers(1, 100).map(Decimal)
QUANTITIES = st.decimals(0, 10**7, places=6) | st.integers(0, 400).map(Decimal)


@st.composite
def ends(draw: st.DrawFn) -> list[Decimal | None]:
    return [*sorted(draw(st.sets(SIZES, max_size=5))), None]


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    return tuple(Tier(end, draw(PRICES), draw(PRICES)) for end in draw(ends()))


@st.composite
def stairs(draw: st.DrawFn) -> StairStep:
    return StairStep(tuple(StairStepTier(end, draw(PRICES)) for end in draw(ends())))


PACKAGES = st.builds(Package, SIZES, PRICES)
PRICE_LISTS: st.SearchStrategy[PriceList] = st.one_of(
    st.builds(FlatRate, PRICES), PACKAGES, st.builds(Graduated, tiers()), st.builds(Volume, tiers()), stairs()
)


def cost(price_list: PriceList, quantity: Decimal) -> Fraction:
    return Fraction(price(price_list, quantity).amount)


@LAWS
@given(PRICE_LISTS, QUANTITIES)
def test_the_steps_add_up_to_the_amount(price_list: PriceList, quantity: Decimal) -> None:
    assert violations(price_list, "price") == []
    priced = price(price_list, quantity)
    assert sum(Fraction(step.amount) for step in priced.steps) == Fraction(priced.amount)
    assert all(Fraction(step.amount) == Fraction(step.quantity) * Fraction(step.unit_price) for step in priced.steps)
    assert bool(priced.steps) == (quantity > 0)


@LAWS
@given(PRICE_LISTS, QUANTITIES, st.integers(1, 12))
def test_nothing_depends_on_the_ambient_context(price_list: PriceList, quantity: Decimal, precision: int) -> None:
    with localcontext(Context(prec=precision)):
        strange = price(price_list, quantity)
    assert strange == price(price_list, quantity)


@LAWS
@given(tiers(), QUANTITIES, QUANTITIES)
def test_a_graduated_part_costs_its_units_and_the_tiers_it_reaches(
    listed: tuple[Tier, ...], one: Decimal, other: Decimal
) -> None:
    """Pricing up to a quantity and then from it on gives the price of the whole."""
    low, high = sorted([one, other])
    part = Fraction(0)
    below = Fraction(0)
    for tier in listed:
        top = Fraction(high) if tier.up_to is None else min(Fraction(tier.up_to), Fraction(high))
        part += max(top - max(below, Fraction(low)), Fraction(0)) * Fraction(tier.unit_price)
        if low <= below < high:
            part += Fraction(tier.flat_fee)
        below = top if tier.up_to is None else Fraction(tier.up_to)
    assert cost(Graduated(listed), high) - cost(Graduated(listed), low) == part


@LAWS
@given(st.one_of(st.builds(FlatRate, PRICES), PACKAGES, st.builds(Graduated, tiers())), QUANTITIES, QUANTITIES)
def test_more_never_costs_less(price_list: PriceList, one: Decimal, other: Decimal) -> None:
    low, high = sorted([one, other])
    assert cost(price_list, low) <= cost(price_list, high)


@LAWS
@given(tiers(), QUANTITIES, QUANTITIES)
def test_within_a_volume_tier_more_never_costs_less(listed: tuple[Tier, ...], one: Decimal, other: Decimal) -> None:
    low, high = sorted([one, other])
    if low > 0 and not any(low <= tier.up_to < high for tier in listed if tier.up_to is not None):
        assert cost(Volume(listed), low) <= cost(Volume(listed), high)


@LAWS
@given(tiers())
def test_an_end_belongs_to_its_own_tier(listed: tuple[Tier, ...]) -> None:
    for tier, after in pairwise(listed):
        assert tier.up_to is not None
        above = tier.up_to + Decimal("0.000001")
        assert cost(Volume(listed), tier.up_to) == Fraction(tier.up_to) * Fraction(tier.unit_price) + Fraction(
            tier.flat_fee
        )
        assert cost(Volume(listed), above) == Fraction(above) * Fraction(after.unit_price) + Fraction(after.flat_fee)


@LAWS
@given(tiers(), QUANTITIES)
def test_one_tier_prices_alike_in_both_models(listed: tuple[Tier, ...], quantity: Decimal) -> None:
    only = listed[-1:]
    assert price(Graduated(only), quantity).amount == price(Volume(only), quantity).amount


@LAWS
@given(PACKAGES, QUANTITIES)
def test_a_package_costs_its_whole_blocks(package: Package, quantity: Decimal) -> None:
    committed = whole_blocks(quantity, package.block_size)
    assert 0 <= Fraction(committed) - Fraction(quantity) < Fraction(package.block_size)
    assert (Fraction(committed) / Fraction(package.block_size)).denominator == 1
    assert whole_blocks(committed, package.block_size) == committed
    assert price(package, committed).amount == price(package, quantity).amount
