"""Laws of calculated usage: windows are the sum of what was written, and no rule is ever broken on the way."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kernel.quantity import ZERO
from kernel.recurrence import Interval, Recurrence
from metering.domain.account import Account
from metering.domain.ledger import Ledger
from metering.domain.report import Behavior, Ceiling, Content, Report, Verdict
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import Tracker, covers

START = datetime(2013, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = Series("UA", "", "gates")
NAMED = Series("UA", "JFK", "gates")
DAILY = Recurrence(Interval.DAY, START)
TRACKERS = {
    WHOLE: [Tracker(1, WHOLE, None), Tracker(2, WHOLE, DAILY)],
    NAMED: [Tracker(3, NAMED, None), Tracker(4, NAMED, DAILY)],
}

reports = st.builds(
    lambda series, value, behavior, key, hour, periods, ceiling: Report(
        Content(series, abs(value) if behavior is Behavior.SET else value, behavior),
        key,
        START + timedelta(hours=hour),
        periods,
        ceiling,
    ),
    st.sampled_from([WHOLE, NAMED]),
    st.integers(-6, 9).map(Decimal),
    st.sampled_from(Behavior),
    st.integers(0, 40).map(str),
    st.integers(0, 60),
    st.sampled_from([None, DAILY]),
    st.none() | st.builds(Ceiling, st.integers(0, 12).map(Decimal), st.integers(1, 4)),
)


@given(st.lists(reports, max_size=30))
def test_windows_are_the_sums_of_what_was_written(sent: list[Report]) -> None:
    ledger = Ledger(
        TRACKERS,
        accounts={WHOLE: Account(0, 2), NAMED: Account(0, 2)},
        used={},
        revisions=range(1, 1_000),
        finder=SpanFinder(),
        now=NOW,
    )
    ledger.load([place for one in sent for place in ledger.places(one.series, one.time)], {})
    newest, revision = 0, 0
    for report in sent:
        outcome = ledger.report(report)
        if outcome.verdict is Verdict.WRITTEN:
            assert outcome.window.revision > revision
            revision = outcome.window.revision
            rose = outcome.window.value > outcome.previous
            assert rose or outcome.window.value >= min(ZERO, outcome.previous)
            if report.ceiling is not None:
                assert report.ceiling.entitlement_revision >= newest
                assert not rose or outcome.window.value <= report.ceiling.limit
        if report.ceiling is not None and outcome.verdict not in {Verdict.REPEATED, Verdict.KEY_REUSED}:
            newest = max(newest, report.ceiling.entitlement_revision)
    written = ledger.measurements
    assert len({one.idempotency_key for one in written}) == len(written)
    for window in ledger.changed:
        counted = [
            one.delta
            for one in written
            if window.tracker.series in {one.content.series, one.content.series.whole}
            and covers(window.tracker.periods, one.time)
            and (window.span is None or window.span.contains(one.time))
        ]
        assert window.value == sum(counted)
