"""The decision table: each reason for each type, at each boundary; and which of several sources decides."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from entitlements.domain.decision import (
    Reason,
    Standing,
    decide_enum,
    decide_metered,
    decide_numeric,
    most_generous,
)
from entitlements.domain.entitlement import Source
from entitlements.domain.entry import Entry
from entitlements.domain.plan import BooleanGrant, CommittedGrant, EnumGrant, MeteredGrant, Reset, ResetInterval
from tests.unit.entitlements.build import (
    FEATURES,
    START,
    entry_of,
    enum,
    metered,
    numeric,
    plan,
    subscription,
    utc,
    window,
)

NEVER = None
MONTH = Reset(ResetInterval.MONTH)


def standing(limit: str | None, usage: str, *, soft: bool = False, source: str = "sub-1") -> Standing:
    """A metered entitlement with its usage."""
    bound = None if limit is None else Decimal(limit)
    return Standing(Source(source, "carrier", 1), bound, soft, Decimal(usage), None, None)


@pytest.mark.parametrize(
    ("limit", "soft", "usage", "requested", "reason", "sentence"),
    [
        ("3", False, "2", "1", Reason.WITHIN_LIMIT, "2 of 3 gates are used; 1 more stays within the limit."),
        ("3", False, "0", "3", Reason.WITHIN_LIMIT, "0 of 3 gates are used; 3 more stay within the limit."),
        ("3", False, "3", "0", Reason.WITHIN_LIMIT, "3 of 3 gates are used."),
        ("1", False, "1", "0", Reason.WITHIN_LIMIT, "1 of 1 gate is used."),
        ("3", False, "3", "1", Reason.LIMIT_EXCEEDED, "3 of 3 gates are used; 1 more would pass the limit of 3 by 1."),
        ("3", False, "2", "2", Reason.LIMIT_EXCEEDED, "2 of 3 gates are used; 2 more would pass the limit of 3 by 1."),
        ("3", False, "5", "0", Reason.LIMIT_EXCEEDED, "5 of 3 gates are used, 2 above the limit."),
        ("0", False, "0", "0", Reason.WITHIN_LIMIT, "0 of 0 gates are used."),
        ("0", False, "0", "1", Reason.LIMIT_EXCEEDED, "0 of 0 gates are used; 1 more would pass the limit of 0 by 1."),
        (
            "2000000",
            False,
            "1999999.5",
            "0.6",
            Reason.LIMIT_EXCEEDED,
            "1,999,999.5 of 2,000,000 gates are used; 0.6 more would pass the limit of 2,000,000 by 0.1.",
        ),
        ("3", True, "3", "0", Reason.WITHIN_LIMIT, "3 of 3 gates are used."),
        (
            "3",
            True,
            "3",
            "1",
            Reason.OVER_SOFT_LIMIT,
            "3 of 3 gates are used; 1 more passes the soft limit of 3 by 1, which is allowed.",
        ),
        (
            "3",
            True,
            "2",
            "2",
            Reason.OVER_SOFT_LIMIT,
            "2 of 3 gates are used; 2 more pass the soft limit of 3 by 1, which is allowed.",
        ),
        ("3", True, "4", "0", Reason.OVER_SOFT_LIMIT, "4 of 3 gates are used, 1 above the soft limit."),
        (None, False, "1", "1000", Reason.UNLIMITED, "1 gate is used; there is no limit."),
        (None, False, "1200", "1", Reason.UNLIMITED, "1,200 gates are used; there is no limit."),
    ],
)
def test_metered(limit: str | None, soft: bool, usage: str, requested: str, reason: Reason, sentence: str) -> None:  # noqa: FBT001, PLR0917 - a table's columns.
    decision = decide_metered(metered(), standing(limit, usage, soft=soft), Decimal(requested))
    assert (decision.reason, decision.explanation) == (reason, sentence)
    assert decision.granted == (reason is not Reason.LIMIT_EXCEEDED)


def test_the_smallest_fraction_and_the_greatest_numbers_are_exact() -> None:
    huge = "999999999999999999.999999999999"
    assert decide_metered(metered(), standing(huge, "0"), Decimal(huge)).granted
    assert not decide_metered(metered(), standing(huge, "0.000000000001"), Decimal(huge)).granted


@pytest.mark.parametrize(
    ("granted", "requested", "reason", "sentence"),
    [
        (["JFK", "EWR"], [], Reason.INCLUDED, "Airports: EWR and JFK are included."),
        (["JFK"], ["JFK", "JFK"], Reason.INCLUDED, "Airports: JFK is included."),
        (["JFK"], ["LGA"], Reason.VALUE_NOT_GRANTED, "Airports: LGA is not included; JFK is."),
        (
            ["JFK", "EWR"],
            ["LGA", "JFK", "SWF", "LGA"],
            Reason.VALUE_NOT_GRANTED,
            "Airports: LGA and SWF are not included; EWR and JFK are.",
        ),
        (["C", "A", "B"], [], Reason.INCLUDED, "Airports: A, B and C are included."),
    ],
)
def test_enum(granted: Sequence[str], requested: Sequence[str], reason: Reason, sentence: str) -> None:
    decision = decide_enum(enum(), [(Source("sub-1", "carrier", 1), tuple(granted))], requested)
    assert (decision.reason, decision.explanation) == (reason, sentence)
    assert decision.values == tuple(sorted(granted))


@pytest.mark.parametrize(
    ("numbers", "number", "winner", "sentence"),
    [
        (["90"], "90", "sub-0", "History: 90 days are included."),
        (["1"], "1", "sub-0", "History: 1 day is included."),
        (["30", "3650.5", "3650.5"], "3650.5", "sub-1", "History: 3,650.5 days are included."),
        (["0"], "0", "sub-0", "History: 0 days are included."),
    ],
)
def test_of_several_numbers_the_greatest_is_granted(
    numbers: Sequence[str], number: str, winner: str, sentence: str
) -> None:
    granted = [(Source(f"sub-{index}", "carrier", 1), Decimal(value)) for index, value in enumerate(numbers)]
    decision = decide_numeric(numeric(), granted)
    assert (decision.granted, decision.reason, decision.number) == (True, Reason.INCLUDED, Decimal(number))
    assert decision.source is not None
    assert (decision.source.subscription_id, decision.explanation) == (winner, sentence)


def test_enum_values_of_all_sources_unite_and_the_source_is_one_that_grants_all_that_was_asked() -> None:
    first, second = Source("sub-1", "a", 1), Source("sub-2", "b", 1)
    granted = [(first, ("A", "B")), (second, ("B", "C"))]
    assert decide_enum(enum(), granted, ["C"]).source == second
    assert decide_enum(enum(), granted, []).source == first
    both = decide_enum(enum(), granted, ["A", "C"])
    assert (both.granted, both.values, both.source) == (True, ("A", "B", "C"), first)


@pytest.mark.parametrize(
    ("standings", "requested", "winner"),
    [
        # Unlimited before soft before room before the higher limit.
        ([standing("9", "0", source="a"), standing(None, "50", source="b")], "1", "b"),
        ([standing("9", "0", soft=True, source="a"), standing(None, "50", source="b")], "1", "b"),
        ([standing("100", "0", source="a"), standing("9", "50", soft=True, source="b")], "1", "b"),
        ([standing("9", "0", soft=True, source="a"), standing("10", "50", soft=True, source="b")], "1", "b"),
        ([standing("100", "100", source="a"), standing("5", "4", source="b")], "1", "b"),
        ([standing("100", "100", source="a"), standing("5", "4", source="b")], "2", "a"),
        ([standing("100", "0", source="a"), standing("5", "0", source="b")], "1", "a"),
        ([standing("5", "0", source="a"), standing("5", "0", source="b")], "1", "a"),
    ],
)
def test_the_most_generous_source_decides(standings: Sequence[Standing], requested: str, winner: str) -> None:
    assert most_generous(standings, Decimal(requested)).source.subscription_id == winner


CARRIER = plan(
    {
        "nights": BooleanGrant(),
        "airports": EnumGrant(("JFK",)),
        "calls": MeteredGrant(Decimal(10), soft=False, reset=MONTH),
        "gates": CommittedGrant(Decimal(1), NEVER),
    }
)


def ask(entry: Entry, feature_id: str, *, requested: str = "1", values: Sequence[str] = (), after: int = 0) -> Reason:
    """The reason of a check, so many days after the start."""
    return entry.decide(
        feature_id,
        FEATURES.get(feature_id),
        requested=Decimal(requested),
        values=values,
        now=START + timedelta(days=after),
    ).reason


def test_the_order_of_refusals() -> None:
    unknown = Entry("c")
    unknown.install_unknown()
    assert ask(unknown, "no-such-feature") is Reason.CUSTOMER_UNKNOWN
    assert ask(entry_of(), "no-such-feature") is Reason.NO_ACTIVE_SUBSCRIPTION
    carrier = entry_of((subscription(), CARRIER))
    assert ask(carrier, "no-such-feature") is Reason.FEATURE_UNKNOWN
    assert ask(carrier, "miles") is Reason.FEATURE_NOT_INCLUDED
    assert ask(carrier, "airports", values=["LGA"]) is Reason.VALUE_NOT_GRANTED
    assert ask(carrier, "calls", requested="11") is Reason.LIMIT_EXCEEDED
    # What does not belong to the type is ignored.
    assert ask(carrier, "nights", requested="1000000", values=["LGA"]) is Reason.INCLUDED
    assert ask(carrier, "calls", values=["LGA"]) is Reason.WITHIN_LIMIT
    assert ask(carrier, "airports", requested="1000000") is Reason.INCLUDED


def test_refusals_before_the_entitlement_tell_the_features_type_where_it_is_known() -> None:
    decision = entry_of().decide("calls", FEATURES["calls"], requested=Decimal(1), values=(), now=START)
    assert decision.feature == FEATURES["calls"]
    assert decision.explanation == "Customer c has no subscription that gives access now."


@pytest.mark.parametrize(
    ("start", "end", "has_access"), [(0, None, True), (1, None, False), (-1, 0, False), (-1, 1, True), (0, 0, False)]
)
def test_access_by_its_period_and_the_customers_clock(start: int, end: int | None, *, has_access: bool) -> None:
    ends = None if end is None else START + timedelta(days=end)
    held = subscription(start=START + timedelta(days=start), access_end=ends, seen=START)
    expected = Reason.INCLUDED if has_access else Reason.NO_ACTIVE_SUBSCRIPTION
    assert ask(entry_of((held, CARRIER)), "nights") is expected


def test_without_a_period_there_is_no_access() -> None:
    assert ask(entry_of((subscription(access=False), CARRIER)), "nights") is Reason.NO_ACTIVE_SUBSCRIPTION


def test_a_feature_of_an_ended_subscription_is_not_included_in_a_live_one() -> None:
    ended = subscription("sub-1", access_end=START + timedelta(days=1))
    other = subscription("sub-2", plan_id="other")
    entry = entry_of((ended, CARRIER), (other, plan({"miles": MeteredGrant(None, soft=False, reset=NEVER)}, "other")))
    assert ask(entry, "nights") is Reason.INCLUDED
    assert ask(entry, "nights", after=1) is Reason.FEATURE_NOT_INCLUDED
    assert ask(entry, "miles", after=1) is Reason.UNLIMITED


def test_a_limit_below_the_usage_refuses_until_usage_falls() -> None:
    entry = entry_of((subscription(commitments={"gates": "5"}), CARRIER))
    entry.apply(window("gates", "5", 1))
    assert ask(entry, "gates", requested="0") is Reason.WITHIN_LIMIT
    lowered = entry_of((subscription(commitments={"gates": "3"}), CARRIER))
    lowered.apply(window("gates", "5", 1))
    assert ask(lowered, "gates", requested="0") is Reason.LIMIT_EXCEEDED
    lowered.apply(window("gates", "3", 2))
    assert ask(lowered, "gates", requested="0") is Reason.WITHIN_LIMIT


def test_usage_counts_in_its_own_period_and_starts_again() -> None:
    entry = entry_of((subscription(), CARRIER))
    entry.apply(window("calls", "10", 1, start=START, end=utc(2026, 2, 28, 9, 30)))
    assert ask(entry, "calls", after=27) is Reason.LIMIT_EXCEEDED
    assert ask(entry, "calls", after=28) is Reason.WITHIN_LIMIT
