"""Laws of the merge over all sources, subscriptions and promotional grants, of every type of feature."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from entitlements.domain.decision import Decision
from entitlements.domain.entry import Entry
from entitlements.domain.limits import limits_of
from entitlements.domain.plan import (
    BooleanGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from entitlements.domain.promotional_grant import PromotionalGrant
from entitlements.domain.subscription import Subscription
from entitlements.domain.usage import Window
from tests.unit.entitlements.build import FEATURES, START, control, install, plan, subscription

DAY = timedelta(days=1)
NOW = START + 10 * DAY
VALUES = ("EWR", "JFK", "LGA")

Source = tuple[Subscription, PlanVersion] | PromotionalGrant

amounts = st.integers(0, 6).map(Decimal)
resets = st.none() | st.sampled_from([Reset(ResetInterval.MONTH), Reset(ResetInterval.DAY, at_calendar=True)])
contents: Mapping[str, st.SearchStrategy[PlainGrant]] = {
    "gates": st.builds(MeteredGrant, st.none() | amounts, st.booleans(), resets).map(
        lambda each: replace(each, soft=each.soft and each.limit is not None)
    ),
    "nights": st.just(BooleanGrant()),
    "airports": st.lists(st.sampled_from(VALUES), min_size=1, unique=True).map(lambda some: EnumGrant(tuple(some))),
    "history": amounts.map(NumericGrant),
}


@st.composite
def sources(draw: st.DrawFn) -> tuple[str, list[Source]]:
    """A feature, and what grants it: each for some days around now."""
    feature_id = draw(st.sampled_from(sorted(contents)))
    return feature_id, [draw(_source(feature_id, number)) for number in range(draw(st.integers(1, 5)))]


@st.composite
def _source(draw: st.DrawFn, feature_id: str, number: int) -> Source:
    content: PlainGrant = draw(contents[feature_id])
    start = START + draw(st.integers(0, 12)) * DAY
    end = draw(st.none() | st.integers(1, 12).map(lambda days: start + days * DAY))
    if draw(st.booleans()):
        held = subscription(f"sub-{number}", start=start, access_end=end, plan_id=f"plan-{number}")
        return held, plan({feature_id: content}, plan_id=f"plan-{number}")
    return PromotionalGrant(
        id=f"grant-{number}",
        customer_id="c",
        feature_id=feature_id,
        content=content,
        time_zone="UTC",
        start_time=start,
        expire_time=end,
        reason="",
        create_time=START,
        revoke_time=None,
        revision=number,
        fingerprint=b"",
    )


def entry_of(feature_id: str, held: Sequence[Source], usage: Decimal) -> Entry:
    """The customer with these sources, in the given order, and so much usage in each period."""
    subscriptions = [source for source in held if not isinstance(source, PromotionalGrant)]
    grants = tuple(source for source in held if isinstance(source, PromotionalGrant))
    entry = Entry("c")
    install(entry, replace(control(*subscriptions), grants=grants))
    for tracker in entry.trackers(feature_id):
        window = tracker.at(NOW)
        if window is not None:
            entry.apply(Window("c", "", feature_id, window.start, window.end, usage, 1))
    return entry


def decide(feature_id: str, held: Sequence[Source], usage: Decimal, *, values: tuple[str, ...] = ()) -> Decision:
    """The merged decision on one unit, or on values."""
    entry = entry_of(feature_id, held, usage)
    return entry.decide(feature_id, FEATURES[feature_id], requested=Decimal(1), values=values, now=NOW)


@given(sources(), amounts, st.sampled_from([(), ("JFK",), ("EWR", "LGA")]))
def test_the_merge_is_never_less_generous_than_any_source_alone(
    held: tuple[str, list[Source]], usage: Decimal, values: tuple[str, ...]
) -> None:
    feature_id, several = held
    merged = decide(feature_id, several, usage, values=values)
    alone = [decide(feature_id, [source], usage, values=values) for source in several]
    assert merged.granted or not any(each.granted for each in alone)
    assert set(merged.values) == {value for each in alone for value in each.values}
    numbers = [each.number for each in alone if each.number is not None]
    assert merged.number == max(numbers, default=None)
    if feature_id != "airports":
        # Values unite: together they may grant what none grants alone. Nothing else does.
        assert merged.granted == any(each.granted for each in alone)


@given(sources(), amounts, st.randoms(use_true_random=False), st.sampled_from([(), ("JFK",)]))
def test_the_order_of_sources_decides_nothing_but_who_wins_between_equals(
    held: tuple[str, list[Source]], usage: Decimal, random: Random, values: tuple[str, ...]
) -> None:
    feature_id, several = held
    shuffled = list(several)
    random.shuffle(shuffled)
    one, other = decide(feature_id, several, usage, values=values), decide(feature_id, shuffled, usage, values=values)
    assert (one.granted, one.reason, one.values, one.number) == (
        other.granted,
        other.reason,
        other.values,
        other.number,
    )
    assert (one.standing is None) == (other.standing is None)
    if one.standing is not None and other.standing is not None:
        assert (one.standing.limit, one.standing.soft) == (other.standing.limit, other.standing.soft)


@given(sources())
def test_the_limits_that_metering_is_told_do_not_depend_on_the_order_and_never_overlap(
    held: tuple[str, list[Source]],
) -> None:
    _, several = held
    subscriptions = [source for source in several if not isinstance(source, PromotionalGrant)]
    grants = tuple(source for source in several if isinstance(source, PromotionalGrant))
    told = limits_of(replace(control(*subscriptions), grants=grants), now=NOW)
    backwards = limits_of(replace(control(*subscriptions[::-1]), grants=grants[::-1]), now=NOW)
    assert told == backwards
    for spans in told.values():
        for before, after in pairwise(spans):
            assert before.end is not None
            assert before.end <= after.start
            assert before.end < after.start or before.limit != after.limit
