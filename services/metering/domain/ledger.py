"""Reports of one transaction, decided one after another: each sees what those before it wrote."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from kernel.quantity import EXACT, ZERO
from metering.domain.report import Content, Measurement, Outcome, Report, Standing, Verdict, decide
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import Periods, Place, PlaceKey, Span, Tracker, Window, covers, microseconds

# A customer and an idempotency key.
Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FirstOutcome:
    """What a key was used for, and what its report was answered.

    Attributes:
        tracker_id: Whose window was answered.
        previous: The window's value before the report.
        value: After it.
    """

    content: Content
    tracker_id: int
    span: Span
    previous: Decimal
    value: Decimal
    revision: int


class Ledger:
    """What the transaction has read under the locks of its series, and what it will write.

    Attributes:
        measurements: The reports that are written.
        limits: The newest entitlement revision by series, as far as it changed.
    """

    def __init__(
        self,
        trackers: Mapping[Series, Sequence[Tracker]],
        *,
        limit_revisions: Mapping[Series, int],
        used: Mapping[Key, FirstOutcome],
        revisions: Iterable[int],
        finder: SpanFinder,
    ) -> None:
        """`trackers` are all of the series that the reports name; `revisions` ascending, one for each report."""
        self._trackers = trackers
        self._by_content = {(one, tracker.periods): tracker for one, several in trackers.items() for tracker in several}
        self._limit_revisions = limit_revisions
        self._used = dict(used)
        self._revisions = iter(revisions)
        self._finder = finder
        self._windows: dict[PlaceKey, Window] = {}
        self._changed: set[PlaceKey] = set()
        self.measurements: list[Measurement] = []
        self.limits: dict[Series, int] = {}

    @property
    def changed(self) -> list[Window]:
        """The windows as they are to be stored."""
        return [self._windows[key] for key in self._changed]

    def places(self, reports: Iterable[Report]) -> list[Place]:
        """Every window that the reports may read or change: whoever decides loads them first."""
        return list({place.key: place for report in reports for place in self._places(report)}.values())

    def load(self, places: Iterable[Place], stored: Mapping[PlaceKey, tuple[Decimal, int]]) -> None:
        """Takes the windows at these places; those not stored are zero."""
        for place in places:
            value, revision = stored.get(place.key, (ZERO, 0))
            self._windows[place.key] = place.window(value, revision=revision)

    def settle(self, report: Report) -> Outcome:
        """Decides the next report; a written one changes every window that counts it."""
        whole = self._window(report.series.whole, report.periods, report)
        named = self._window(report.series, report.periods, report)
        key = (report.series.customer_id, report.idempotency_key)
        first = self._used.get(key)
        limit = self.limits.get(report.series.whole, self._limit_revisions[report.series.whole])
        standing = Standing(whole.value, named.value, limit, None if first is None else first.content)
        decision = decide(report, standing)
        if first is not None and decision.verdict is Verdict.REPEATED:
            return self._repeated(report, first)
        if report.ceiling is not None and first is None:
            self._show_limit(report.series.whole, max(limit, report.ceiling.entitlement_revision))
        if decision.verdict is not Verdict.WRITTEN:
            return Outcome(decision.verdict, whole, whole.value)
        revision = next(self._revisions)
        for place in self._places(report):
            window = self._windows[place.key]
            self._windows[place.key] = place.window(EXACT.add(window.value, decision.delta), revision=revision)
            self._changed.add(place.key)
        after = self._windows[whole.key]
        self._write(report, decision.delta, after=after, previous=whole.value)
        return Outcome(Verdict.WRITTEN, after, whole.value)

    def _repeated(self, report: Report, first: FirstOutcome) -> Outcome:
        tracker = next(one for one in self._trackers[report.series.whole] if one.id == first.tracker_id)
        return Outcome(Verdict.REPEATED, Window(tracker, first.span, first.value, first.revision), first.previous)

    def _show_limit(self, series: Series, revision: int) -> None:
        if revision > self._limit_revisions[series]:
            self.limits[series] = revision

    def _write(self, report: Report, delta: Decimal, *, after: Window, previous: Decimal) -> None:
        self.measurements.append(
            Measurement(report.content, report.idempotency_key, report.time, delta, after, previous)
        )
        outcome = FirstOutcome(report.content, after.tracker.id, after.span, previous, after.value, after.revision)
        self._used[report.series.customer_id, report.idempotency_key] = outcome

    def _window(self, series: Series, periods: Periods, report: Report) -> Window:
        tracker = self._by_content[series, periods]
        span = self._finder.at(periods, microseconds(report.time))
        return self._windows[Place(tracker, span).key]

    def _places(self, report: Report) -> Iterable[Place]:
        time = microseconds(report.time)
        for one in {report.series, report.series.whole}:
            for tracker in self._trackers[one]:
                if covers(tracker.periods, report.time):
                    yield Place(tracker, self._finder.at(tracker.periods, time))
