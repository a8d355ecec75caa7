"""All meters together: which series a batch of events counts for, and what each event adds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from metering.domain.event_batch import EventBatch
from metering.domain.feature import Feature
from metering.domain.gathered import Dated, Reading
from metering.domain.meter import Aggregation, readings_of
from metering.domain.meter_choice import ActiveMeter, MeterChoice, active_meter
from metering.domain.series import Series


@dataclass(frozen=True, slots=True)
class MeterSet:
    """The meters of one version of the set; whoever counts by an older version counts again.

    Attributes:
        by_event_name: Only what may match an event is looked at.
        aggregations: By feature.
    """

    version: int
    by_event_name: Mapping[str, MeterChoice]
    aggregations: Mapping[str, Aggregation]


@dataclass(slots=True)
class Readings:
    """What the events of a batch add to one series: parallel columns.

    Attributes:
        rows: Which event of the batch it was.
    """

    times: list[int] = field(default_factory=list)
    values: list[Reading] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


Usage: TypeAlias = dict[Series, Readings]


def meter_set(version: int, features: Iterable[Feature]) -> MeterSet:
    """The set of these features' meters."""
    by_name: defaultdict[str, list[ActiveMeter]] = defaultdict(list)
    aggregations: dict[str, Aggregation] = {}
    for feature in features:
        if feature.meter is not None:
            aggregations[feature.id] = feature.meter.aggregation
            active = active_meter(feature.id, feature.meter)
            for name in feature.meter.event_names:
                by_name[name].append(active)
    return MeterSet(version, {name: MeterChoice.of(active) for name, active in by_name.items()}, aggregations)


def measure(meters: MeterSet, batch: EventBatch) -> Usage:
    """What the events add to each series; what names a resource counts for it and for the customer as a whole.

    Event by event it would cost three times as much: meters look at all events of one customer, resource and name at once.
    """
    rows_of: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(batch.customer_ids, batch.resource_ids, batch.event_names, strict=True)):
        rows_of[key].append(row)
    usage: Usage = {}
    for (customer_id, resource_id, name), rows in rows_of.items():
        choice = meters.by_event_name.get(name)
        if choice is None:
            continue
        for active, counted in choice.rows(batch.dimensions, rows):
            readings = _readings(active, batch, counted)
            if readings.rows:
                for resource in {"", resource_id}:
                    _add(usage, Series(customer_id, resource, active.feature_id), readings)
    return usage


def _readings(active: ActiveMeter, batch: EventBatch, rows: list[int]) -> Readings:
    dimensions = batch.dimensions
    values = readings_of(active.meter, [dimensions[row] for row in rows])
    if None in values:
        rows = [row for row, value in zip(rows, values, strict=True) if value is not None]
        values = [value for value in values if value is not None]
    # Looked up once and not for each event.
    all_times = batch.times
    times = [all_times[row] for row in rows]
    if active.meter.aggregation is not Aggregation.LATEST:
        return Readings(times, values, rows)  # type: ignore[arg-type]  # without None by now.
    keys = [batch.idempotency_keys[row] for row in rows]
    dated = map(Dated, times, keys, values)  # type: ignore[arg-type]  # numbers, by `readings_of`.
    return Readings(times, list(dated), rows)


def _add(usage: Usage, series: Series, readings: Readings) -> None:
    known = usage.setdefault(series, Readings())
    known.times += readings.times
    known.values += readings.values
    known.rows += readings.rows


def without_rows(usage: Usage, rows: frozenset[int]) -> Usage:
    """The usage without what these events added."""
    kept: Usage = {}
    for series, readings in usage.items():
        columns = zip(readings.times, readings.values, readings.rows, strict=True)
        left = [(time, value, row) for time, value, row in columns if row not in rows]
        if left:
            times, values, numbers = (list(column) for column in zip(*left, strict=True))
            kept[series] = Readings(times, values, numbers)
    return kept
