"""Laws of the merge and of the decision."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from entitlements.domain.decision import Decision, Reason, Standing, decide_enum, decide_metered, most_generous
from entitlements.domain.entitlement import Source
from entitlements.domain.feature import Feature, FeatureType, UsageSource

FEATURE = Feature("gates", FeatureType.METERED, "Gates", UsageSource.CALCULATED, "gate", "gates", 1)

amounts = st.decimals(0, 10**18, places=12, allow_nan=False) | st.integers(0, 10).map(Decimal)


@st.composite
def sources(draw: st.DrawFn) -> list[Standing]:
    """Different sources, each with a usage of its own."""
    count = draw(st.integers(1, 5))
    return [
        Standing(
            Source(f"sub-{number}", "plan", 1),
            limit := draw(st.none() | amounts),
            limit is not None and draw(st.booleans()),
            draw(amounts),
            None,
            None,
        )
        for number in range(count)
    ]


def decide(standings: Sequence[Standing], requested: Decimal) -> Decision:
    """The merged decision."""
    return decide_metered(FEATURE, most_generous(standings, requested), requested)


@given(sources(), amounts)
def test_granted_if_any_source_alone_grants(standings: list[Standing], requested: Decimal) -> None:
    alone = [decide([standing], requested).granted for standing in standings]
    assert decide(standings, requested).granted == any(alone)


@given(sources(), amounts)
def test_one_more_source_never_takes_away(standings: list[Standing], requested: Decimal) -> None:
    fewer, all_of_them = decide(standings[:-1] or standings, requested), decide(standings, requested)
    assert all_of_them.granted or not fewer.granted


@given(sources(), amounts, st.randoms(use_true_random=False))
def test_the_order_of_sources_decides_nothing_but_between_equals(
    standings: list[Standing], requested: Decimal, random: Random
) -> None:
    shuffled = list(standings)
    random.shuffle(shuffled)
    one, other = decide(standings, requested), decide(shuffled, requested)
    assert (one.granted, one.reason) == (other.granted, other.reason)
    assert one.standing is not None
    assert other.standing is not None
    assert (one.standing.limit, one.standing.soft) == (other.standing.limit, other.standing.soft)


@given(sources(), amounts)
def test_the_kind_of_bound_shown_is_the_most_generous_there_is(standings: list[Standing], requested: Decimal) -> None:
    shown = decide(standings, requested).standing
    assert shown is not None
    if any(standing.limit is None for standing in standings):
        assert shown.limit is None
    elif soft := [standing.limit for standing in standings if standing.soft and standing.limit is not None]:
        assert (shown.soft, shown.limit) == (True, max(soft))
    else:
        with_room = [
            standing.limit for standing in standings if standing.has_room(requested) and standing.limit is not None
        ]
        assert shown.limit == max(with_room or [standing.limit for standing in standings if standing.limit is not None])


@given(sources(), amounts, amounts)
def test_asking_for_less_is_never_refused_where_more_is_granted(
    standings: list[Standing], one: Decimal, other: Decimal
) -> None:
    less, more = sorted([one, other])
    assert decide(standings, less).granted or not decide(standings, more).granted


@given(amounts, amounts, amounts)
def test_a_hard_limit_is_exact(limit: Decimal, usage: Decimal, requested: Decimal) -> None:
    # In whole units of the twelfth place, where nothing can be rounded.
    scaled = [int(value.scaleb(12)) for value in (usage, requested, limit)]
    standing = Standing(Source("s", "p", 1), limit, False, usage, None, None)
    decision = decide([standing], requested)
    assert decision.granted == (scaled[0] + scaled[1] <= scaled[2])
    assert decision.reason is (Reason.WITHIN_LIMIT if decision.granted else Reason.LIMIT_EXCEEDED)


values = st.sets(st.sampled_from("ABCDE"), min_size=1).map(lambda some: tuple(sorted(some)))


@given(st.lists(values, min_size=1, max_size=4), st.lists(st.sampled_from("ABCDE"), max_size=4))
def test_enum_values_unite(granted: list[tuple[str, ...]], requested: list[str]) -> None:
    feature = Feature("airports", FeatureType.ENUM, "Airports", None, "", "", 1)
    some = [(Source(f"sub-{number}", "plan", 1), values) for number, values in enumerate(granted)]
    decision = decide_enum(feature, some, requested)
    union = {value for values in granted for value in values}
    assert decision.granted == (set(requested) <= union)
    assert list(decision.values) == sorted(union)
