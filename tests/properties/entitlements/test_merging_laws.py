"""Laws of add-ons: their order never matters, more of them never takes away, and an override answers alone."""

from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from entitlements.domain.entitlement import Allowance, Number, Values, resolve
from entitlements.domain.merging import MOST, merged, times
from entitlements.domain.plan import (
    AddOnGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    Reset,
    ResetInterval,
)
from tests.unit.entitlements.build import plan, subscription

amounts = st.decimals(0, MOST, places=12, allow_nan=False) | st.integers(0, 20).map(Decimal)
resets = st.none() | st.builds(
    Reset, st.sampled_from(ResetInterval), at_calendar=st.booleans(), week_start=st.integers(0, 6)
)
limits = st.builds(MeteredGrant, amounts, soft=st.booleans(), reset=resets) | st.builds(
    MeteredGrant, st.none(), soft=st.just(False), reset=resets
)
numbers = st.builds(NumericGrant, amounts)
sets = st.sets(st.sampled_from("ABCDE"), min_size=1).map(lambda some: EnumGrant(tuple(sorted(some))))
quantities = st.integers(1, 1_000_000)
Case = tuple[PlainGrant | None, list[tuple[PlainGrant, int]], list[PlainGrant]]


def cases(grants: st.SearchStrategy[PlainGrant]) -> st.SearchStrategy[Case]:
    """A plan and add-ons of one type, at least one of them."""
    increments = st.lists(st.tuples(grants, quantities), max_size=4)
    drawn = st.tuples(st.none() | grants, increments, st.lists(grants, max_size=3))
    return drawn.filter(lambda case: case[0] is not None or bool(case[1]) or bool(case[2]))


any_case = st.one_of(cases(limits), cases(numbers), cases(sets))


def plain(grant: PlainGrant) -> object:
    """What is granted, whatever the order in which values are told."""
    return frozenset(grant.values) if isinstance(grant, EnumGrant) else grant


def is_at_least(more: PlainGrant, less: PlainGrant) -> bool:
    """Whether one grants everything that the other does, periods aside."""
    match more, less:
        case MeteredGrant(limit), MeteredGrant(other):
            return limit is None or (other is not None and limit >= other)
        case NumericGrant(value), NumericGrant(smaller):
            return value >= smaller
        case EnumGrant(values), EnumGrant(fewer):
            return set(fewer) <= set(values)
        case _:
            return False


@given(any_case, st.randoms(use_true_random=False))
def test_the_order_of_add_ons_never_matters(case: Case, random: Random) -> None:
    own, increments, overrides = case
    shuffled, others = list(increments), list(overrides)
    random.shuffle(shuffled)
    random.shuffle(others)
    assert plain(merged(own, shuffled, others)) == plain(merged(own, increments, overrides))


@given(any_case)
def test_an_override_answers_alone_whatever_the_rest(case: Case) -> None:
    own, increments, overrides = case
    if overrides:
        assert merged(own, increments, overrides) == merged(None, [], overrides)
        assert all(is_at_least(merged(None, [], overrides), each) for each in overrides)


@given(any_case)
def test_one_more_increment_never_takes_away(case: Case) -> None:
    own, increments, _ = case
    if increments and (own is not None or len(increments) > 1):
        assert is_at_least(merged(own, increments, []), merged(own, increments[:-1], []))


@given(limits | numbers, st.integers(1, 1_000), st.integers(1, 1_000))
def test_two_purchases_are_one_of_both_quantities(grant: PlainGrant, one: int, other: int) -> None:
    assert merged(None, [(grant, one), (grant, other)], []) == merged(None, [(grant, one + other)], [])


@given(amounts, st.booleans(), quantities)
def test_so_many_units_are_the_exact_product(amount: Decimal, soft: bool, quantity: int) -> None:  # noqa: FBT001 - drawn.
    # In whole units of the twelfth place, where nothing can be rounded.
    expected = min(int(amount.scaleb(12)) * quantity, int(MOST.scaleb(12)))
    limit, value = times(MeteredGrant(amount, soft, None), quantity), times(NumericGrant(amount), quantity)
    assert isinstance(limit, MeteredGrant)
    assert limit.limit is not None
    assert isinstance(value, NumericGrant)
    assert (int(limit.limit.scaleb(12)), int(value.value.scaleb(12)), limit.soft) == (expected, expected, soft)
    assert times(MeteredGrant(None, soft=False, reset=None), quantity) == MeteredGrant(None, soft=False, reset=None)


@given(any_case, st.randoms(use_true_random=False))
def test_a_subscription_grants_what_the_rules_say_in_any_order_of_its_add_ons(case: Case, random: Random) -> None:
    own, increments, overrides = case
    bought = [(grant, False, quantity) for grant, quantity in increments] + [(grant, True, 7) for grant in overrides]
    add_ons = {f"a{index}": (AddOnGrant("calls", grant, over),) for index, (grant, over, _) in enumerate(bought)}
    held = [(f"a{index}", quantity) for index, (_, _, quantity) in enumerate(bought)]
    random.shuffle(held)
    version = plan({} if own is None else {"calls": own}, add_ons=add_ons)
    (entitlement,) = resolve(subscription(add_ons=dict(held)), {("carrier", 1): version})
    expected = merged(own, increments, overrides)
    match entitlement.grant, expected:
        case Allowance(limit, soft), MeteredGrant():
            assert (limit, soft) == (expected.limit, expected.soft)
        case Number(value), NumericGrant():
            assert value == expected.value
        case Values(values), EnumGrant():
            assert set(values) == set(expected.values)
        case _:
            raise AssertionError(entitlement)


@given(limits, st.lists(limits, max_size=3))
def test_an_add_on_that_is_not_held_grants_nothing(own: PlainGrant, pinned: list[PlainGrant]) -> None:
    add_ons = {f"a{index}": (AddOnGrant("calls", grant, overrides=False),) for index, grant in enumerate(pinned)}
    plans = {("carrier", 1): plan({"calls": own}, add_ons=add_ons)}
    assert resolve(subscription(), plans) == resolve(subscription(), {("carrier", 1): plan({"calls": own})})
