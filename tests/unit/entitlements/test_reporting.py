"""What is asked of metering for a report, and what its answer means."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from entitlements.domain.decision import Reason
from entitlements.domain.entry import Entry
from entitlements.domain.plan import CommittedGrant, MeteredGrant, Reset, ResetInterval
from entitlements.domain.answering import answer
from entitlements.domain.reporting import has_room_elsewhere, may_be_repeated, plan_report
from entitlements.domain.request import Answer, Behavior, Ceiling, Enforcement, Outcome, Report, Verdict
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
) -> Report:
    """A report of the customer c."""
    enforcement = Enforcement.ENFORCE if enforce else Enforcement.RECORD
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
