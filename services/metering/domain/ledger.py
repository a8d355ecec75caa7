"""Reports and settlements of one transaction, decided one after another: each sees what those before it wrote."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from kernel.quantity import EXACT, ZERO
from metering.domain.account import Account, FirstOutcome, Key, ReservationKey, Stored
from metering.domain.report import Decision, Measurement, Outcome, Report, Standing, Verdict, decide
from metering.domain.reservation import (
    Ending,
    Reservation,
    Settlement,
    SettlementOutcome,
    SettlementVerdict,
    judge,
)
from metering.domain.series import Series
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import Periods, Place, PlaceKey, Tracker, Window, covers, microseconds


class Ledger:
    """What the transaction has read under the locks of its series, and what it will write.

    Attributes:
        measurements: The reports that are written or reserved.
        made: The reservations that are made.
        ended: Those that end, by their keys.
        touched: The accounts that changed.
    """

    def __init__(
        self,
        trackers: Mapping[Series, Sequence[Tracker]],
        *,
        accounts: Mapping[Series, Account],
        used: Mapping[Key, FirstOutcome],
        revisions: Iterable[int],
        finder: SpanFinder,
        now: datetime,
    ) -> None:
        """`trackers` are all of the series that the reports and reservations name; `revisions` ascending, one for each report and
        settlement, and one for what lapses; `now` is real time.
        """
        self._trackers = trackers
        self._by_content = {(one, tracker.periods): tracker for one, several in trackers.items() for tracker in several}
        self._accounts = accounts
        self._used = dict(used)
        self._revisions = iter(revisions)
        self._finder = finder
        self._now = now
        self._places: dict[tuple[Series, datetime], list[Place]] = {}
        self._windows: dict[PlaceKey, Window] = {}
        self._changed: set[PlaceKey] = set()
        self._reservations: dict[ReservationKey, Reservation] = {}
        self._first_places: dict[ReservationKey, PlaceKey] = {}
        self.measurements: list[Measurement] = []
        self.made: list[Reservation] = []
        self.ended: dict[ReservationKey, Reservation] = {}
        self.touched: dict[Series, Account] = {}

    @property
    def changed(self) -> list[Window]:
        """The windows as they are to be stored."""
        return [self._windows[key] for key in self._changed]

    @property
    def limits_versions(self) -> Mapping[Series, int]:
        """The version of the limits over the trackers of each series that has any."""
        return {one: account.limits_version for one, account in self._accounts.items() if account.limits_version}

    def times(self) -> Iterator[tuple[Series, datetime]]:
        """The times of the usage that was written or set free, with the series that each concerns."""
        yield from ((one.content.series, one.time) for one in self.measurements)
        yield from ((one.series, one.time) for one in self.ended.values())

    def places(self, series: Series, time: datetime) -> list[Place]:
        """Every window in which usage of the series counts at the time: whoever decides loads them first."""
        known = self._places.get((series, time))
        if known is None:
            at = microseconds(time)
            known = self._places[series, time] = [
                Place(tracker, self._finder.at(tracker.periods, at))
                for one in ({series, series.whole} if series.resource_id else (series,))
                for tracker in self._trackers[one]
                if covers(tracker.periods, time)
            ]
        return known

    def load(self, places: Iterable[Place], stored: Mapping[PlaceKey, Stored]) -> None:
        """Takes the windows at these places; those not stored are zero."""
        for place in places:
            value, reserved, revision = stored.get(place.key, (ZERO, ZERO, 0))
            self._windows[place.key] = place.window(value, revision=revision, reserved=reserved)

    def know(self, reservations: Iterable[tuple[Reservation, PlaceKey]]) -> None:
        """Takes reservations as they are stored, each with the window that it was decided in."""
        for reservation, place in reservations:
            key = _key_of(reservation)
            self._reservations[key] = reservation
            self._first_places[key] = place

    def lapse(self, whole: Series, lapsed: Collection[Reservation], *, then: datetime | None) -> None:
        """Ends what lapsed of the customer's feature: before anything is decided of it.

        Args:
            whole: The series of the customer as a whole.
            lapsed: All of its reservations that have lapsed.
            then: When the next of the others lapses.
        """
        account = self._account(whole)
        account.next_lapse = then
        account.open_reservations -= len(lapsed)
        freed: dict[Place, Decimal] = {}
        for reservation in lapsed:
            self._close(reservation, Ending.LAPSED)
            for place in self.places(reservation.series, reservation.time):
                freed[place] = EXACT.add(freed.get(place, ZERO), reservation.value)
        revision = next(self._revisions) if freed else 0
        for place, value in freed.items():
            self._change(place, ZERO, reserved=-value, revision=revision)

    def report(self, report: Report) -> Outcome:
        """Decides the next report; one that is written or reserved changes every window that counts it."""
        series = report.series
        whole = series.whole if series.resource_id else series
        account = self.touched.get(whole) or self._accounts[whole]
        window = self._window(whole, report.periods, report)
        named = window if whole is series else self._window(series, report.periods, report)
        first = self._used.get((series.customer_id, report.idempotency_key))
        standing = Standing(
            window.value,
            window.reserved,
            named.value,
            account.limit_revision,
            None if first is None else first.content,
            account.open_reservations,
        )
        decision = decide(report, standing)
        if first is not None:
            return self._used_before(report, first, decision, window)
        ceiling = report.ceiling
        if ceiling is not None and ceiling.entitlement_revision > account.limit_revision:
            self._account(whole).limit_revision = ceiling.entitlement_revision
        if decision.verdict is Verdict.WRITTEN:
            return self._write(report, decision.delta, window)
        if decision.verdict is Verdict.RESERVED:
            return self._reserve(report, decision.delta, window)
        return Outcome(decision.verdict, window, window.value)

    def settle(self, settlement: Settlement) -> SettlementOutcome:
        """Decides the next settlement; a committed reservation counts in the periods that it was made in."""
        key = (settlement.customer_id, settlement.reservation_id)
        reservation = self._reservations.get(key)
        if reservation is None:
            return SettlementOutcome(SettlementVerdict.UNKNOWN)
        verdict = judge(reservation, settlement)
        if reservation.ending is None and verdict is not SettlementVerdict.ABOVE_RESERVED:
            commits = verdict is SettlementVerdict.COMMITTED
            wanted = reservation.value if settlement.value is None else settlement.value
            reservation = self._end(reservation, wanted if commits else None)
        window = self._windows[self._first_places[key]]
        return SettlementOutcome(verdict, window, reservation.value, reservation.committed)

    def _used_before(self, report: Report, first: FirstOutcome, decision: Decision, window: Window) -> Outcome:
        forgotten = report.hold is not None and first.reservation is None
        if decision.verdict is not Verdict.REPEATED or forgotten:
            # Of a reservation that was committed and forgotten since, only the key is known: it must not count again.
            return Outcome(Verdict.KEY_REUSED, window, window.value)
        whole = report.series.whole
        tracker = next(one for one in self._trackers[whole] if one.id == first.tracker_id)
        then = Window(tracker, first.span, first.value, first.revision, first.reserved)
        held = first.reservation
        if held is None:
            return Outcome(Verdict.REPEATED, then, first.previous, first.written)
        return Outcome(Verdict.REPEATED, then, first.previous, held.value, held.held)

    def _write(self, report: Report, delta: Decimal, before: Window) -> Outcome:
        revision = next(self._revisions)
        for place in self.places(report.series, report.time):
            self._change(place, delta, reserved=ZERO, revision=revision)
        after = self._windows[before.key]
        self._remember(report, delta, after=after, previous=before.value)
        return Outcome(Verdict.WRITTEN, after, before.value, delta)

    def _reserve(self, report: Report, value: Decimal, before: Window) -> Outcome:
        assert report.hold is not None  # noqa: S101 - else nothing is reserved.
        revision = next(self._revisions)
        for place in self.places(report.series, report.time):
            self._change(place, ZERO, reserved=value, revision=revision)
        after = self._windows[before.key]
        reservation = Reservation(
            id=reservation_id(revision),
            series=report.series,
            idempotency_key=report.idempotency_key,
            time=report.time,
            value=value,
            expire_time=self._now + report.hold,
        )
        self.made.append(reservation)
        self.know([(reservation, after.key)])
        account = self._account(report.series.whole)
        account.open_reservations += 1
        if account.next_lapse is None or reservation.expire_time < account.next_lapse:
            account.next_lapse = reservation.expire_time
        self._remember(report, ZERO, after=after, previous=before.value, reservation=reservation)
        return Outcome(Verdict.RESERVED, after, before.value, value, reservation.held)

    def _end(self, reservation: Reservation, committed: Decimal | None) -> Reservation:
        revision = next(self._revisions)
        for place in self.places(reservation.series, reservation.time):
            self._change(place, committed or ZERO, reserved=-reservation.value, revision=revision)
        account = self._account(reservation.series.whole)
        account.open_reservations -= 1
        if not account.open_reservations:
            account.next_lapse = None
        ending = Ending.RELEASED if committed is None else Ending.COMMITTED
        return self._close(reservation, ending, committed or ZERO)

    def _close(self, reservation: Reservation, ending: Ending, committed: Decimal = ZERO) -> Reservation:
        key = _key_of(reservation)
        ended = replace(reservation, ending=ending, committed=committed)
        self._reservations[key] = self.ended[key] = ended
        return ended

    def _remember(
        self,
        report: Report,
        delta: Decimal,
        *,
        after: Window,
        previous: Decimal,
        reservation: Reservation | None = None,
    ) -> None:
        content, key = report.content, report.idempotency_key
        self.measurements.append(Measurement(content, key, report.time, delta, after, previous))
        self._used[report.series.customer_id, key] = FirstOutcome(
            content,
            after.tracker.id,
            after.span,
            previous,
            after.value,
            after.reserved,
            after.revision,
            delta,
            reservation,
        )

    def _change(self, place: Place, value: Decimal, *, reserved: Decimal, revision: int) -> None:
        key = place.key
        window = self._windows[key]
        self._windows[key] = Window(
            place.tracker,
            place.span,
            EXACT.add(window.value, value),
            revision,
            EXACT.add(window.reserved, reserved) if reserved else window.reserved,
        )
        self._changed.add(key)

    def _account(self, whole: Series) -> Account:
        account = self.touched.get(whole)
        if account is None:
            account = self.touched[whole] = replace(self._accounts[whole])
        return account

    def _window(self, series: Series, periods: Periods, report: Report) -> Window:
        tracker = self._by_content[series, periods]
        return self._windows[Place(tracker, self._finder.at(periods, microseconds(report.time))).key]


def reservation_id(revision: int) -> str:
    """The id of the reservation that a revision made: unique, because revisions are."""
    return f"res_{revision}"


def _key_of(reservation: Reservation) -> ReservationKey:
    return reservation.series.customer_id, reservation.id
