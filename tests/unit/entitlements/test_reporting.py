"""What is asked of metering for a report, and what its answer means."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from entitlements.domain.answering import answer, settled
from entitlements.domain.decision import Reason
from entitlements.domain.entry import Entry
from entitlements.domain.plan import CommittedGrant, MeteredGrant, Reset, ResetInterval
from entitlements.domain.reporting import has_room_elsewhere, may_be_repeated, plan_report
from entitlements.domain.request import (
    Answer,
    Behavior,
    Ceiling,
    Enforcement,
    Outcome,
    Report,
    Settlement,
    SettlementOutcome,
    SettlementVerdict,
    Verdict,
)
from kernel.errors import TollkeeperError
from kernel.recurrence import Interval, Recurrence
from tests.unit.entitlements.build import FEATURES, START, entry_of, plan, subscription, utc, window

GATES = plan({"gates": CommittedGrant(Decimal(1), None)})
NONE: frozenset[str] = frozenset()


def report(
    value: str = "1",
    *,
    enforce: bool = True,
    behavior: Behavior = Behavior.DELTA,
    feature_id: str = "gates",
    resource_id: str = "",
    partial: bool = False,
) -> Report:
    """A report of the customer c."""
    enforcement = Enforcement.ENFORCE if enforce else Enforcement.RECORD
    enforcement = Enforcement.PARTIAL if partial else enforcement
    return Report("c", resource_id, feature_id, Decimal(value), behavior, enforcement, "key", None)


def ceiling_of(grant: CommittedGrant | MeteredGrant, *, enforce: bool = True) -> Ceiling | None:
    """The ceiling that a report is sent with."""
    entry = entry_of((subscription(commitments={"gates": "3"}, revision=9), plan({"gates": grant})))
    return plan_report(report(enforce=enforce), entry, FEATURES["gates"], now=START, passed=NONE).resolved.ceiling


def test_only_enforce_of_a_hard_limit_has_a_ceiling() -> None:
    hard = Ceiling(Decimal(3), 9)
    assert ceiling_of(CommittedGrant(Decimal(1), None)) == hard
    assert ceiling_of(CommittedGrant(Decimal(1), None), enforce=False) is None
    assert ceiling_of(MeteredGrant(Decimal(3), soft=False, reset=None)) == hard
    assert ceiling_of(MeteredGrant(Decimal(3), soft=True, reset=None)) is None
    assert ceiling_of(MeteredGrant(None, soft=False, reset=None)) is None


def test_a_report_counts_at_the_customers_time_in_the_periods_of_its_entitlement() -> None:
    monthly = MeteredGrant(Decimal(3), soft=False, reset=Reset(ResetInterval.MONTH))
    entry = entry_of((subscription(), plan({"gates": monthly})))
    resolved = plan_report(report(), entry, FEATURES["gates"], now=utc(2026, 2, 3), passed=NONE).resolved
    assert resolved.time == utc(2026, 2, 3)
    assert resolved.recurrence == Recurrence(Interval.MONTH, START, "UTC")


def test_without_an_entitlement_record_is_written_and_enforce_is_not() -> None:
    entry = entry_of()
    recorded = plan_report(report(enforce=False), entry, FEATURES["gates"], now=START, passed=NONE)
    assert (recorded.refusal, recorded.standing, recorded.resolved.ceiling) == (None, None, None)
    enforced = plan_report(report(), entry, FEATURES["gates"], now=START, passed=NONE)
    assert enforced.refusal is not None
    assert enforced.refusal.reason is Reason.NO_ACTIVE_SUBSCRIPTION
    # Asked all the same for the first outcome of its key: under this ceiling no increase is written.
    assert enforced.resolved.ceiling == Ceiling(Decimal(0), 0)


@pytest.mark.parametrize(
    ("value", "behavior", "may"),
    [
        ("1", Behavior.DELTA, True),
        ("0", Behavior.DELTA, False),
        ("-1", Behavior.DELTA, False),
        ("1", Behavior.SET, False),
    ],
)
def test_only_an_increase_can_be_asked_about_without_danger(value: str, behavior: Behavior, *, may: bool) -> None:
    assert may_be_repeated(report(value, behavior=behavior)) is may


def two_limits(first: str, second: str, *, used: Sequence[str]) -> Entry:
    """Two subscriptions, by the month and by the year."""
    monthly = plan({"calls": MeteredGrant(Decimal(first), soft=False, reset=Reset(ResetInterval.MONTH))})
    yearly = plan({"calls": MeteredGrant(Decimal(second), soft=False, reset=Reset(ResetInterval.YEAR))})
    entry = entry_of((subscription("month"), monthly), (subscription("year"), yearly))
    ends = [utc(2026, 2, 28, 9, 30), utc(2027, 1, 31, 9, 30)]
    for end, usage in zip(ends, used, strict=True):
        entry.apply(window("calls", usage, 5, start=START, end=end))
    return entry


@pytest.mark.parametrize(
    ("limits", "used", "value", "chosen"),
    [
        (("5", "20"), ("0", "0"), "1", "year"),
        (("5", "20"), ("0", "20"), "1", "month"),
        (("5", "20"), ("4", "20"), "2", "year"),
        (("5", "20"), ("0", "19"), "2", "month"),
    ],
)
def test_the_most_generous_source_takes_the_report(
    limits: tuple[str, str], used: tuple[str, str], value: str, chosen: str
) -> None:
    entry = two_limits(*limits, used=used)
    asked = report(value, feature_id="calls")
    planned = plan_report(asked, entry, FEATURES["calls"], now=START, passed=NONE)
    assert planned.standing is not None
    assert planned.standing.source.subscription_id == chosen


def test_a_source_whose_limit_was_passed_leaves_it_to_another_with_room() -> None:
    entry = two_limits("5", "20", used=("0", "0"))
    asked = report(feature_id="calls")
    passed = frozenset({"year"})
    assert has_room_elsewhere(asked, entry, now=START, passed=passed)
    planned = plan_report(asked, entry, FEATURES["calls"], now=START, passed=passed)
    assert planned.standing is not None
    assert planned.standing.source.subscription_id == "month"
    assert not has_room_elsewhere(asked, entry, now=START, passed=passed | {"month"})
    assert not has_room_elsewhere(report("6", feature_id="calls"), entry, now=START, passed=passed)


def test_a_new_value_has_room_whatever_was_used() -> None:
    entry = two_limits("5", "20", used=("5", "20"))
    asked = report("4", feature_id="calls", behavior=Behavior.SET)
    planned = plan_report(asked, entry, FEATURES["calls"], now=START, passed=NONE)
    assert planned.standing is not None
    assert planned.standing.source.subscription_id == "year"
    assert has_room_elsewhere(asked, entry, now=START, passed=frozenset({"year"}))


def answered(
    asked: Report, verdict: Verdict, *, value: str = "3", previous: str = "2", entry: Entry | None = None
) -> Answer:
    """What a caller is told."""
    entry = entry or entry_of((subscription(commitments={"gates": "3"}), GATES))
    planned = plan_report(asked, entry, FEATURES["gates"], now=START, passed=NONE)
    outcome = Outcome(verdict, window("gates", value, 8), Decimal(previous))
    return answer(asked, entry, FEATURES["gates"], plan=planned, outcome=outcome, as_of=START)


@pytest.mark.parametrize("verdict", [Verdict.WRITTEN, Verdict.REPEATED])
def test_a_written_report_shows_the_entitlement_after_it(verdict: Verdict) -> None:
    told = answered(report(), verdict)
    assert (told.written, told.covered, told.time) == (True, True, START)
    assert (told.decision.granted, told.decision.reason) == (True, Reason.WITHIN_LIMIT)
    assert told.decision.explanation == "3 of 3 gates are used."
    assert told.decision.as_of == START


def test_a_recorded_report_above_the_limit_is_written_and_says_so() -> None:
    told = answered(report("4", enforce=False), Verdict.WRITTEN, value="6")
    assert (told.written, told.decision.reason) == (True, Reason.LIMIT_EXCEEDED)
    assert told.decision.explanation == "6 of 3 gates are used, 3 above the limit."


def test_a_refused_increase_explains_itself_by_the_usage_it_met() -> None:
    told = answered(report("2"), Verdict.LIMIT_EXCEEDED, value="2", previous="2")
    assert (told.written, told.covered, told.decision.granted) == (False, True, False)
    assert told.decision.explanation == "2 of 3 gates are used; 2 more would pass the limit of 3 by 1."


def test_a_refused_value_explains_itself() -> None:
    told = answered(report("5", behavior=Behavior.SET), Verdict.LIMIT_EXCEEDED, value="2")
    assert told.decision.reason is Reason.LIMIT_EXCEEDED
    assert told.decision.explanation == "2 of 3 gates are used; setting the usage to 5 would pass the limit of 3 by 2."


def test_a_refused_value_of_a_resource_explains_itself() -> None:
    asked = report("2", behavior=Behavior.SET, resource_id="north")
    told = answered(asked, Verdict.LIMIT_EXCEEDED, value="2")
    assert told.decision.reason is Reason.LIMIT_EXCEEDED
    assert told.decision.explanation == (
        "2 of 3 gates are used; setting the usage of north to 2 would pass the limit of 3."
    )


def test_a_recorded_report_without_an_entitlement_is_not_covered() -> None:
    told = answered(report(enforce=False), Verdict.WRITTEN, entry=entry_of())
    assert (told.written, told.covered, told.decision.reason) == (True, False, Reason.NO_ACTIVE_SUBSCRIPTION)


def test_an_enforced_report_without_an_entitlement_may_have_been_written_before() -> None:
    assert not answered(report(), Verdict.LIMIT_EXCEEDED, entry=entry_of()).written
    assert answered(report(), Verdict.REPEATED, entry=entry_of()).written


@pytest.mark.parametrize(
    ("verdict", "reason", "sentence"),
    [
        (Verdict.KEY_REUSED, "IDEMPOTENCY_KEY_REUSED", "'key'"),
        (Verdict.BELOW_ZERO, "USAGE_BELOW_ZERO", "it is 2 gates, and the report takes 5 away"),
    ],
)
def test_errors(verdict: Verdict, reason: str, sentence: str) -> None:
    with pytest.raises(TollkeeperError) as refused:
        answered(report("-5"), verdict)
    assert refused.value.reason == reason
    assert sentence in refused.value.message


def test_a_resource_that_would_fall_below_zero_is_named() -> None:
    with pytest.raises(TollkeeperError, match="The usage of terminal-1 would fall below zero: it is less than the 1"):
        answered(report("-1", resource_id="terminal-1"), Verdict.BELOW_ZERO)


@pytest.mark.parametrize(
    ("limits", "used", "value", "chosen"),
    [
        # Where it fits whole: the most generous of those. Where it fits nowhere: the one with the most room.
        (("5", "20"), ("0", "18"), "3", "month"),
        (("5", "20"), ("0", "18"), "6", "month"),
        (("5", "20"), ("4", "18"), "6", "year"),
        (("5", "20"), ("5", "20"), "6", "month"),
    ],
)
def test_a_partial_report_goes_where_the_most_of_it_fits(
    limits: tuple[str, str], used: tuple[str, str], value: str, chosen: str
) -> None:
    entry = two_limits(*limits, used=used)
    asked = report(value, feature_id="calls", partial=True)
    planned = plan_report(asked, entry, FEATURES["calls"], now=START, passed=NONE)
    assert planned.standing is not None
    assert planned.standing.source.subscription_id == chosen


def test_a_part_has_room_wherever_anything_is_left() -> None:
    entry = two_limits("5", "20", used=("4", "20"))
    asked = report("6", feature_id="calls", partial=True)
    assert has_room_elsewhere(asked, entry, now=START, passed=NONE)
    assert not has_room_elsewhere(asked, entry, now=START, passed=frozenset({"month"}))
    assert not has_room_elsewhere(report("6", feature_id="calls"), entry, now=START, passed=NONE)


def test_what_is_reserved_counts_as_used_in_every_answer() -> None:
    entry = entry_of((subscription(commitments={"gates": "3"}), GATES))
    planned = plan_report(report("2"), entry, FEATURES["gates"], now=START, passed=NONE)
    reserved = replace(window("gates", "1", 8), reserved=Decimal(1))
    refused = Outcome(Verdict.LIMIT_EXCEEDED, reserved, Decimal(1))
    told = answer(report("2"), entry, FEATURES["gates"], plan=planned, outcome=refused, as_of=START)
    assert told.decision.explanation == "2 of 3 gates are used; 2 more would pass the limit of 3 by 1."
    assert told.decision.standing is not None
    assert (told.decision.standing.usage, told.decision.standing.reserved) == (Decimal(2), Decimal(1))
    asked = report("3", behavior=Behavior.SET)
    told = answer(asked, entry, FEATURES["gates"], plan=planned, outcome=refused, as_of=START)
    assert told.decision.explanation == (
        "2 of 3 gates are used, 1 of them reserved; setting the usage to 3 beside these would pass the limit of 3 by 1."
    )


SHADOWED = replace(FEATURES["gates"], shadow_mode=True)


@pytest.mark.parametrize("partial", [False, True])
def test_in_shadow_mode_all_is_written_and_the_answer_says_what_it_would_have_been(*, partial: bool) -> None:
    entry = entry_of((subscription(commitments={"gates": "3"}), GATES))
    asked = report("2", partial=partial)
    planned = plan_report(asked, entry, SHADOWED, now=START, passed=NONE)
    assert (planned.resolved.ceiling, planned.refusal) == (None, None)
    over = Outcome(Verdict.WRITTEN, window("gates", "4", 8), Decimal(2), Decimal(2))
    told = answer(asked, entry, SHADOWED, plan=planned, outcome=over, as_of=START)
    assert (told.written, told.amount, told.decision.granted, told.decision.shadowed) == (True, Decimal(2), True, True)
    assert told.decision.explanation == "2 of 3 gates are used; 2 more would pass the limit of 3 by 1."
    within = Outcome(Verdict.WRITTEN, window("gates", "3", 8), Decimal(1), Decimal(2))
    told = answer(asked, entry, SHADOWED, plan=planned, outcome=within, as_of=START)
    assert (told.decision.granted, told.decision.shadowed) == (True, False)


def test_in_shadow_mode_nothing_needs_an_entitlement() -> None:
    entry = entry_of()
    planned = plan_report(report("2"), entry, SHADOWED, now=START, passed=NONE)
    assert (planned.resolved.ceiling, planned.refusal, planned.standing) == (None, None, None)
    written = Outcome(Verdict.WRITTEN, window("gates", "2", 8), Decimal(0), Decimal(2))
    told = answer(report("2"), entry, SHADOWED, plan=planned, outcome=written, as_of=START)
    assert (told.written, told.covered, told.decision.shadowed) == (True, False, True)
    assert told.decision.reason is Reason.NO_ACTIVE_SUBSCRIPTION


def test_what_was_revoked_is_recorded_and_otherwise_refused() -> None:
    entry = entry_of((subscription(commitments={"gates": "3"}), GATES))
    entry.revoked = frozenset({"gates"})
    refused = plan_report(report(), entry, FEATURES["gates"], now=START, passed=NONE)
    assert refused.refusal is not None
    assert (refused.refusal.reason, refused.standing) == (Reason.REVOKED, None)
    recorded = plan_report(report(enforce=False), entry, FEATURES["gates"], now=START, passed=NONE)
    assert (recorded.refusal, recorded.resolved.ceiling) == (None, None)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (SettlementVerdict.UNKNOWN, "RESERVATION_NOT_FOUND"),
        (SettlementVerdict.LAPSED, "RESERVATION_LAPSED"),
        (SettlementVerdict.SETTLED_OTHERWISE, "RESERVATION_SETTLED"),
        (SettlementVerdict.ABOVE_RESERVED, "INVALID_FIELD"),
    ],
)
def test_what_is_not_settled_as_asked_is_an_error(verdict: SettlementVerdict, reason: str) -> None:
    settlement = Settlement("c", "res_1", release=False)
    with pytest.raises(TollkeeperError) as refused:
        settled(settlement, SettlementOutcome(verdict, window("gates", "1", 3), Decimal(2), Decimal(1)))
    assert refused.value.reason == reason
    for fine in (SettlementVerdict.COMMITTED, SettlementVerdict.RELEASED):
        outcome = SettlementOutcome(fine, window("gates", "1", 3), Decimal(2), Decimal(1))
        assert settled(settlement, outcome) == window("gates", "1", 3)
