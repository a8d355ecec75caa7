"""Windows from what is stored: for trackers that come after the usage they count, and for counting again.

Everything here that writes runs in a transaction that holds the locks of the series.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.quantity import ZERO
from metering.domain.feature import Feature
from metering.domain.gathered import Gathered, is_gathered, value_of
from metering.domain.meter import Aggregation, Meter
from metering.domain.tracker import Place, Span, Tracker, Window, span_start
from metering.store import distinct, gathered, meter_sql, spans, stored, tables, windows
from metering.store.line import raw_of

_EVENT = tables.event
_MEASUREMENT = tables.measurement
_INSTANT = timedelta(microseconds=1)


class Difference(NamedTuple):
    """A window that is not what the stored data come to.

    Attributes:
        value: What it holds. It may be the right value, with wrong parts beneath: then what comes next would go wrong.
        right: What it should hold.
        parts: What the stored data of its period come to; None where nothing falls into it.
    """

    place: Place
    value: Decimal
    right: Decimal
    parts: Gathered | None


class Inspection(NamedTuple):
    """Windows beside the stored data: how many there are, and those that differ."""

    windows: int
    differences: Sequence[Difference]


class Recomputed(NamedTuple):
    """A window that was counted again and came out otherwise.

    Attributes:
        window: As it is now.
        before: Its value before.
    """

    window: Window
    before: Decimal


async def count(connection: AsyncConnection, feature: Feature, tracker: Tracker, *, revision: int) -> None:
    """Computes all windows of a tracker that has none."""
    async for run in _runs(connection, feature, tracker):
        if _is_unique(feature.meter):
            found = await _recount_distinct(connection, feature, tracker, run)
        else:
            found = await _found(connection, feature, tracker, run)
        await _store(connection, feature, {Place(tracker, span): one for span, one in found.items()}, revision=revision)


async def recompute(
    connection: AsyncConnection, features: Mapping[str, Feature], places: Iterable[Place], *, revision: int
) -> list[Recomputed]:
    """Counts windows again, and stores those that change with the new revision; gives these.

    A window that nothing falls into any more stays with the value 0, so that its revision grows.

    Args:
        connection: In a transaction that holds the locks of the series of all places.
        features: Those of the series by id.
        places: The windows; one that has no row yet is made where usage falls into it.
        revision: Taken under those locks.
    """
    changed: list[Recomputed] = []
    for tracker, several in _by_tracker(places).items():
        feature = features[tracker.series.feature_id]
        real = {span for span in several if _is_period(tracker, span)}
        for run in _adjacent(real):
            inspection = await inspect(connection, feature, tracker, run)
            differences = [one for one in inspection.differences if one.place.span in real]
            if _is_unique(feature.meter):
                for part in _adjacent(one.place.span for one in differences):
                    await _recount_distinct(connection, feature, tracker, part)
            changed += await _change(connection, feature, differences, revision=revision)
        for span in several - real:
            standing = await _standing(connection, tracker, [span])
            wrong = [Difference(Place(tracker, span), window.value, ZERO, None) for window in standing.values()]
            changed += await _change(connection, feature, wrong, revision=revision)
    return changed


async def inspect(connection: AsyncConnection, feature: Feature, tracker: Tracker, run: Sequence[Span]) -> Inspection:
    """Compares the windows of adjacent periods with what the stored data come to; writes nothing."""
    found = await _found(connection, feature, tracker, run)
    standing = await _standing(connection, tracker, run)
    wrong = await _wrong_beneath(connection, feature, tracker, run=run, found=found)
    wrong |= {span for span, window in standing.items() if window.span != span}
    differences = []
    spans_met = {**found, **standing, **dict.fromkeys(wrong)}
    for span in spans_met:
        window, parts = standing.get(span), found.get(span)
        value, right = window.value if window is not None else ZERO, _value(feature.meter, parts)
        if value != right or span in wrong:
            differences.append(Difference(Place(tracker, span), value, right, parts))
    return Inspection(len(spans_met), differences)


async def _standing(connection: AsyncConnection, tracker: Tracker, run: Sequence[Span]) -> dict[Span, Window]:
    """The windows from the start of the run to its end, each by the period that begins where it does."""
    by_start = {span_start(span): span for span in run}
    first, before = _bounds(run)
    found = await windows.of_tracker(await raw_of(connection), tracker, first=first, before=before)
    return {by_start.get(span_start(window.span), window.span): window for window in found}


async def _change(
    connection: AsyncConnection, feature: Feature, differences: Sequence[Difference], *, revision: int
) -> list[Recomputed]:
    before = {one.place.key: one.value for one in differences}
    parts = {one.place: one.parts for one in differences}
    put = await _store(connection, feature, parts, revision=revision)
    return [Recomputed(window, before[window.key]) for window in put]


async def _runs(connection: AsyncConnection, feature: Feature, tracker: Tracker) -> AsyncIterator[Sequence[Span]]:
    if tracker.periods is None:
        yield [None]
        return
    table, rows = stored.usage_of(feature, tracker.series)
    async for run in spans.occupied(connection, table, rows, periods=tracker.periods):
        yield run


async def _found(
    connection: AsyncConnection, feature: Feature, tracker: Tracker, run: Sequence[Span]
) -> dict[Span, Gathered]:
    """What the stored data come to in each period of the run that anything falls into."""
    table, rows = stored.counted_in(feature, tracker.series, run)
    place = stored.place_in(table, run)
    meter = feature.meter
    if meter is None:
        query = meter_sql.grouped([place], func.sum(_MEASUREMENT.c.delta))
    else:
        query = meter_sql.gathered(meter, [place])
    result = await connection.execute(query.where(rows))
    return {run[number - 1]: Gathered(Decimal(value), *rest) for number, value, *rest in result}


async def _recount_distinct(
    connection: AsyncConnection, feature: Feature, tracker: Tracker, run: Sequence[Span]
) -> dict[Span, Gathered]:
    assert feature.meter is not None  # noqa: S101 - a UNIQUE meter.
    _, rows = stored.counted_in(feature, tracker.series, run)
    starts = [span_start(span) for span in run]
    place = stored.place_in(_EVENT, run)
    counts = await distinct.recount(connection, feature.meter, tracker, rows=rows, starts=starts, place=place)
    by_start = dict(zip(starts, run, strict=True))
    return {by_start[start]: Gathered(Decimal(number)) for start, number in counts.items()}


async def _wrong_beneath(
    connection: AsyncConnection,
    feature: Feature,
    tracker: Tracker,
    *,
    run: Sequence[Span],
    found: Mapping[Span, Gathered],
) -> set[Span]:
    """The periods whose parts are not what they should be, whatever their windows say."""
    meter = feature.meter
    if meter is None:
        return set()
    by_start = {span_start(span): span for span in run}
    if meter.aggregation is Aggregation.UNIQUE:
        _, rows = stored.counted_in(feature, tracker.series, run)
        place = stored.place_in(_EVENT, run)
        compared = await distinct.compare(connection, meter, tracker, rows=rows, starts=list(by_start), place=place)
        return {by_start[start] for start, one in compared.items() if not one.kept}
    if not is_gathered(meter.aggregation):
        return set()
    kept = await gathered.read(await raw_of(connection), [Place(tracker, span) for span in run])
    return {span for start, span in by_start.items() if kept.get((tracker.id, start)) != found.get(span)}


async def _store(
    connection: AsyncConnection, feature: Feature, found: Mapping[Place, Gathered | None], *, revision: int
) -> list[Window]:
    if not found:
        return []
    raw = await raw_of(connection)
    meter = feature.meter
    changed = [place.window(_value(meter, one), revision=revision) for place, one in found.items()]
    put = await windows.put(raw, changed)
    if meter is not None and is_gathered(meter.aggregation):
        await gathered.put(raw, {place: one for place, one in found.items() if one is not None})
        await gathered.delete(raw, [place for place, one in found.items() if one is None])
    return put


def _value(meter: Meter | None, parts: Gathered | None) -> Decimal:
    return value_of(Aggregation.SUM if meter is None else meter.aggregation, parts)


def _is_unique(meter: Meter | None) -> bool:
    return meter is not None and meter.aggregation is Aggregation.UNIQUE


def _is_period(tracker: Tracker, span: Span) -> bool:
    """Whether it is a period of the tracker: a window that somebody made by hand may not be."""
    if tracker.periods is None or span is None:
        return tracker.periods is None and span is None
    return tracker.periods.period_at(span.start) == span


def _bounds(run: Sequence[Span]) -> tuple[datetime, datetime]:
    first, last = run[0], run[-1]
    start = span_start(first)
    return start, start + _INSTANT if last is None else last.end


def _by_tracker(places: Iterable[Place]) -> dict[Tracker, set[Span]]:
    several: dict[Tracker, set[Span]] = {}
    for tracker, span in places:
        several.setdefault(tracker, set()).add(span)
    return several


def _adjacent(several: Iterable[Span]) -> Iterable[list[Span]]:
    """Runs in which each period ends where the next begins, each at most what one statement computes."""
    run: list[Span] = []
    for span in sorted(several, key=span_start):
        last = run[-1] if run else None
        if run and (last is None or last.end != span_start(span) or len(run) >= spans.MOST_PERIODS):
            yield run
            run = []
        run.append(span)
    if run:
        yield run
