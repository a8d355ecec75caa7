"""Reports of one transaction, one after another."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from kernel.recurrence import Interval, Recurrence
from metering.domain.account import Account, FirstOutcome
from metering.domain.ledger import Ledger
from metering.domain.report import Behavior, Ceiling, Content, Outcome, Report, Verdict
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import Periods, Tracker

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MONTHLY = Recurrence(Interval.MONTH, JANUARY)
GATES = Series("UA", "", "gates")
JFK = GATES._replace(resource_id="JFK")
ENDLESS_GATES, MONTHLY_GATES, ENDLESS_JFK = Tracker(1, GATES, None), Tracker(2, GATES, MONTHLY), Tracker(3, JFK, None)


def report(
    key: str,
    value: int,
    *,
    series: Series = GATES,
    periods: Periods = None,
    at: datetime = JANUARY,
    ceiling: Ceiling | None = None,
) -> Report:
    """A change."""
    return Report(Content(series, Decimal(value), Behavior.DELTA), key, at, periods, ceiling)


def settled(*reports: Report, used: dict[tuple[str, str], FirstOutcome] | None = None) -> tuple[Ledger, list[Outcome]]:
    """Decides them over empty windows, at revisions from 100 on."""
    ledger = Ledger(
        {GATES: [ENDLESS_GATES, MONTHLY_GATES], JFK: [ENDLESS_JFK]},
        accounts={GATES: Account(3, 2), JFK: Account(0, 1)},
        used=used or {},
        revisions=range(100, 200),
        finder=SpanFinder(),
        now=NOW,
    )
    ledger.load([place for one in reports for place in ledger.places(one.series, one.time)], {})
    return ledger, [ledger.report(one) for one in reports]


def test_each_report_sees_those_before_it_and_has_a_revision_of_its_own() -> None:
    ledger, outcomes = settled(report("a", 5), report("b", -6), report("c", 2), report("a", 5), report("a", 6))
    assert [(one.verdict, int(one.window.value), int(one.previous)) for one in outcomes] == [
        (Verdict.WRITTEN, 5, 0),
        (Verdict.BELOW_ZERO, 5, 5),
        (Verdict.WRITTEN, 7, 5),
        (Verdict.REPEATED, 5, 0),
        (Verdict.KEY_REUSED, 7, 7),
    ]
    assert [one.window.revision for one in outcomes] == [100, 100, 101, 100, 101]
    assert {window.tracker.id: (int(window.value), window.revision) for window in ledger.changed} == {
        1: (7, 101),
        2: (7, 101),
    }
    assert [(one.idempotency_key, int(one.delta)) for one in ledger.measurements] == [("a", 5), ("c", 2)]


def test_every_tracker_counts_in_its_own_period() -> None:
    february = JANUARY + timedelta(days=40)
    ledger, _ = settled(report("a", 5), report("b", -2, at=february), report("c", 1, at=JANUARY - timedelta(days=1)))
    values = {(window.tracker.id, window.span and window.span.start.month): window.value for window in ledger.changed}
    # A decrease decided in the endless period may leave a month below zero: windows are exact sums.
    assert values == {(1, None): 4, (2, 1): 5, (2, 2): -2}


def test_a_resource_is_decided_in_the_window_of_its_customer() -> None:
    ledger, outcomes = settled(
        report("a", 5), report("b", 3, series=JFK), report("c", 1, series=JFK, ceiling=Ceiling(Decimal(8), 4))
    )
    assert [one.verdict for one in outcomes] == [Verdict.WRITTEN, Verdict.WRITTEN, Verdict.LIMIT_EXCEEDED]
    assert outcomes[1].window.tracker == ENDLESS_GATES
    assert {window.tracker.id: window.value for window in ledger.changed} == {1: 8, 2: 8, 3: 3}
    assert ledger.touched[GATES].limit_revision == 4


def test_the_newest_limit_is_remembered_also_by_a_refusal_and_an_old_one_is_stale() -> None:
    ledger, outcomes = settled(
        report("a", 9, ceiling=Ceiling(Decimal(8), 7)),
        report("b", 1, ceiling=Ceiling(Decimal(8), 6)),
        report("c", 1, ceiling=Ceiling(Decimal(8), 7)),
    )
    assert [one.verdict for one in outcomes] == [Verdict.LIMIT_EXCEEDED, Verdict.STALE_LIMIT, Verdict.WRITTEN]
    assert ledger.touched[GATES].limit_revision == 7


def test_a_repeated_key_answers_the_window_of_the_first() -> None:
    first = FirstOutcome(
        report("a", 5).content, 2, MONTHLY.period(0), Decimal(1), Decimal(6), Decimal(0), 42, Decimal(5)
    )
    ledger, (outcome,) = settled(report("a", 5, at=JANUARY + timedelta(days=90)), used={("UA", "a"): first})
    assert (outcome.verdict, int(outcome.previous), int(outcome.window.value), outcome.window.revision) == (
        Verdict.REPEATED,
        1,
        6,
        42,
    )
    assert (outcome.window.tracker, outcome.window.span) == (MONTHLY_GATES, MONTHLY.period(0))
    assert not ledger.changed
