"""The ledger beside a recount of its own: whatever is reported, held, committed, released and lapses, in whatever transactions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from kernel.recurrence import Interval, Recurrence
from metering.domain.account import Account, FirstOutcome
from metering.domain.ledger import Ledger
from metering.domain.report import Behavior, Ceiling, Content, Outcome, Report, Verdict
from metering.domain.reservation import Ending, Reservation, Settlement, SettlementVerdict
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import PlaceKey, Tracker, Window

LIMIT = Decimal(10)
START = datetime(2013, 1, 1, tzinfo=UTC)
WHOLE = Series("UA", "", "gates")
NAMED = [WHOLE._replace(resource_id=name) for name in ("JFK", "EWR")]
DAILY = Recurrence(Interval.DAY, START)
TRACKERS = {
    one: [Tracker(2 * number + 1, one, None), Tracker(2 * number + 2, one, DAILY)]
    for number, one in enumerate([WHOLE, *NAMED])
}


@dataclass(frozen=True)
class Counted:
    """What the recount knows of one written report or reservation."""

    series: Series
    day: int
    value: Decimal


class LedgerMachine(RuleBasedStateMachine):
    """A store of nothing but dictionaries, transactions of one step, and a list of facts to count again."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.revision = 0
        self.key = 0
        self.accounts = {one: Account(0, 2) for one in TRACKERS}
        self.windows: dict[PlaceKey, Window] = {}
        self.used: dict[tuple[str, str], FirstOutcome] = {}
        self.reservations: dict[str, tuple[Reservation, PlaceKey]] = {}
        self.written: list[Counted] = []
        self.live: dict[str, tuple[Counted, datetime]] = {}

    def ledger(self, reports: Sequence[Report] = ()) -> Ledger:
        """A transaction that has read what it needs, with what lapsed ended first."""
        ledger = Ledger(
            TRACKERS,
            accounts=self.accounts,
            used=self.used,
            revisions=range(self.revision + 1, self.revision + 10),
            finder=SpanFinder(),
            now=self.now,
        )
        stored = [reservation for reservation, _ in self.reservations.values()]
        times = [(report.series, report.time) for report in reports] + [(one.series, one.time) for one in stored]
        places = [place for series, time in times for place in ledger.places(series, time)]
        known = {key: (one.value, one.reserved, one.revision) for key, one in self.windows.items()}
        ledger.load(places, known)
        ledger.know(self.reservations.values())
        due = self.accounts[WHOLE].next_lapse
        if due is not None and due <= self.now:
            lapsed = [one for one in stored if one.has_lapsed(self.now)]
            rest = [one.expire_time for one in stored if one.ending is None and not one.has_lapsed(self.now)]
            ledger.lapse(WHOLE, lapsed, then=min(rest, default=None))
        return ledger

    def commit(self, ledger: Ledger) -> None:
        """Stores what the transaction writes; revisions only grow."""
        for window in ledger.changed:
            known = self.windows.get(window.key)
            assert known is None or known.revision < window.revision
            self.windows[window.key] = window
            self.revision = max(self.revision, window.revision)
        for one, account in ledger.touched.items():
            self.accounts[one] = replace(account)
        made = {one.id for one in ledger.made}
        for measurement in ledger.measurements:
            window = measurement.window
            reservation = next((one for one in ledger.made if one.idempotency_key == measurement.idempotency_key), None)
            self.used["UA", measurement.idempotency_key] = FirstOutcome(
                measurement.content,
                window.tracker.id,
                window.span,
                measurement.previous,
                window.value,
                window.reserved,
                window.revision,
                measurement.delta,
                reservation,
            )
            if reservation is not None:
                self.reservations[reservation.id] = (reservation, window.key)
        assert made <= self.reservations.keys()
        for (_, name), ended in ledger.ended.items():
            self.reservations[name] = (ended, self.reservations[name][1])

    def send(self, report: Report) -> Outcome:
        """One report in a transaction of its own."""
        ledger = self.ledger([report])
        outcome = ledger.report(report)
        self.commit(ledger)
        return outcome

    def next_key(self) -> str:
        """A key that was not used."""
        self.key += 1
        return f"key-{self.key}"

    @rule(
        series=st.sampled_from([WHOLE, *NAMED]),
        value=st.integers(-6, 9).map(Decimal),
        behavior=st.sampled_from([Behavior.DELTA, Behavior.SET]),
        day=st.integers(0, 1),
        limited=st.booleans(),
        partial=st.booleans(),
    )
    def report(
        self, series: Series, value: Decimal, behavior: Behavior, day: int, *, limited: bool, partial: bool
    ) -> None:
        value = abs(value) if behavior is Behavior.SET else value
        # A report without a ceiling passes every limit: then only lowering is let through here.
        ceiling = Ceiling(LIMIT, 1) if limited or value > 0 else None
        time = START + timedelta(days=day)
        report = Report(Content(series, value, behavior), self.next_key(), time, None, ceiling, partial)
        outcome = self.send(report)
        if outcome.verdict is Verdict.WRITTEN:
            self.written.append(Counted(series, day, outcome.written))
            asked = value if behavior is Behavior.DELTA else None
            assert asked is None or outcome.written == asked or (partial and 0 < outcome.written < asked)
        again = self.send(report)
        if outcome.verdict is Verdict.WRITTEN:
            assert (again.verdict, again.window, again.written) == (Verdict.REPEATED, outcome.window, outcome.written)
        else:
            assert again.verdict is outcome.verdict

    @rule(
        target=held,
        series=st.sampled_from([WHOLE, *NAMED]),
        value=st.integers(1, 9).map(Decimal),
        day=st.integers(0, 1),
        seconds=st.integers(1, 9),
        partial=st.booleans(),
    )
    def reserve(self, series: Series, value: Decimal, day: int, seconds: int, *, partial: bool) -> object:
        content = Content(series, value, Behavior.RESERVE)
        hold, time = timedelta(seconds=seconds), START + timedelta(days=day)
        report = Report(content, self.next_key(), time, None, Ceiling(LIMIT, 1), partial, hold)
        outcome = self.send(report)
        if outcome.held is None:
            assert outcome.verdict is Verdict.LIMIT_EXCEEDED
            return multiple()
        self.live[outcome.held.id] = (Counted(series, day, outcome.written), self.now + hold)
        again = self.send(report)
        assert (again.verdict, again.held, again.window) == (Verdict.REPEATED, outcome.held, outcome.window)
        return outcome.held.id

    @rule(name=held, value=st.none() | st.integers(1, 12).map(Decimal))
    def commit_some(self, name: str, value: Decimal | None) -> None:
        self.settle(name, value, release=False)

    @rule(name=held)
    def release(self, name: str) -> None:
        self.settle(name, None, release=True)

    def settle(self, name: str, value: Decimal | None, *, release: bool) -> None:
        """Ends one, twice."""
        ledger = self.ledger()
        settlement = Settlement("UA", name, release, value)
        outcome = ledger.settle(settlement)
        again = ledger.settle(settlement)
        assert (again.verdict, again.written) == (outcome.verdict, outcome.written)
        self.commit(ledger)
        if name not in self.live:
            return
        counted, until = self.live[name]
        if until <= self.now:
            assert outcome.verdict is (SettlementVerdict.RELEASED if release else SettlementVerdict.LAPSED)
            del self.live[name]
        elif release:
            assert outcome.verdict is SettlementVerdict.RELEASED
            del self.live[name]
        elif value is not None and value > counted.value:
            assert outcome.verdict is SettlementVerdict.ABOVE_RESERVED
        else:
            assert outcome.verdict is SettlementVerdict.COMMITTED
            self.written.append(replace(counted, value=counted.value if value is None else value))
            del self.live[name]

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        ledger = self.ledger()
        self.commit(ledger)
        for reservation, _ in self.reservations.values():
            assert not reservation.has_lapsed(self.now)
            if reservation.ending is Ending.LAPSED:
                self.live.pop(reservation.id, None)
        open_ones = [one for one, _ in self.reservations.values() if one.ending is None]
        assert self.accounts[WHOLE].open_reservations == len(open_ones)

    @invariant()
    def limit_is_never_passed(self) -> None:
        held = sum(counted.value for counted, until in self.live.values() if until > self.now)
        assert sum(one.value for one in self.written) + held <= LIMIT

    @invariant()
    def windows_are_a_recount(self) -> None:
        open_ones = [one for one, _ in self.reservations.values() if one.ending is None]
        for window in self.windows.values():
            series, span = window.tracker.series, window.span

            def counts(one: Series, time: datetime, of: Series = series, within: object = span) -> bool:
                return of in {one, one.whole} and (within is None or window.span.contains(time))  # type: ignore[union-attr]  # noqa: B023 - called at once.

            written = [one.value for one in self.written if counts(one.series, START + timedelta(days=one.day))]
            assert window.value == sum(written)
            assert window.reserved == sum(one.value for one in open_ones if counts(one.series, one.time))


LedgerMachine.TestCase.settings = LedgerMachine.TestCase.settings.__class__(
    LedgerMachine.TestCase.settings, max_examples=150, stateful_step_count=30
)
TestLedger = LedgerMachine.TestCase
