"""The law of metering: however events come, and whenever their tracker does, each window is the straight count."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from random import Random
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kernel.recurrence import Interval, Recurrence
from kit.client import call
from kit.proto import timestamp_from_proto, timestamp_to_proto
from metering.domain.meter import (
    Aggregation,
    Compares,
    Comparison,
    Condition,
    Dimensions,
    Equals,
    HasText,
    In,
    IsSet,
    Meter,
    NotEquals,
    Part,
)
from metering.domain.tracker import EPOCH
from metering.domain.value import DimensionValue, text_of
from metering.messages.feature import meter_to_proto
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, ENDLESS, metered, tracker
from tests.integration.metering.windows import Key, differing, rebuild, stored_windows
from tests.properties.metering.strategies import dimensions, measured, meters
from tollkeeper.metering.v1 import event_pb2, tracker_pb2, usage_service_pb2
from tollkeeper.metering.v1.usage_service_pb2_grpc import UsageServiceStub

# Eight days around a clock change in New York.
START = datetime(2013, 3, 6, 5, tzinfo=UTC)
DAILY = Recurrence(Interval.DAY, START + timedelta(days=1), "America/New_York")
DAILY_PROTO = tracker_pb2.Recurrence(
    interval=tracker_pb2.INTERVAL_DAY, anchor_time=timestamp_to_proto(DAILY.anchor), time_zone=DAILY.zone
)
WHOLE, DAY = usage_service_pb2.GRANULARITY_UNSPECIFIED, usage_service_pb2.GRANULARITY_DAY


class Raw(NamedTuple):
    """An event of a law."""

    name: str
    resource: str
    hour: int
    dimensions: Dimensions


# When, under which key, and what an event says.
Read = tuple[datetime, str, DimensionValue]

raws = st.builds(
    Raw,
    st.sampled_from(["one", "one", "two", "three"]),
    st.sampled_from(["", "R", "S"]),
    st.integers(0, 8 * 24),
    measured | measured | dimensions,
)
_numbers = itertools.count()


# Without shrinking: each example is some sixty calls, and a failure in minutes is told by none of them.
@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    meter=meters,
    events=st.lists(raws, max_size=5) | st.lists(raws, min_size=20, max_size=40),
    seed=st.integers(0, 2**32),
)
async def test_live_late_and_rebuilt_windows_are_the_straight_count(
    metering: Metering, neighbours: Neighbours, meter: Meter, events: list[Raw], seed: int
) -> None:
    number = next(_numbers)
    live, late = f"live-{number}", f"late-{number}"
    several = {
        f"{aggregation}-{number}".lower(): replace(meter, aggregation=aggregation) for aggregation in Aggregation
    }
    expected: dict[Key, Decimal] = {}
    for feature, one in several.items():
        neighbours.features[feature] = metered(feature, COUNT)
        neighbours.features[feature].metered.meter.CopyFrom(meter_to_proto(one))
        expected |= straight_count(feature, one, events)
    for customer in (live, late):
        if customer == live:
            await metering.register(*_trackers(several, customer))
        for batch in batches(customer, events, Random(seed)):
            await metering.send(*batch)
    await metering.register(*_trackers(several, late))
    assert await stored_windows(metering.database, live) == expected
    assert await stored_windows(metering.database, late) == expected
    assert await queried(metering, several, live) == expected
    assert await differing(metering.database, live) == await differing(metering.database, late) == 0
    await rebuild(metering.database, live)
    assert await stored_windows(metering.database, live) == expected


async def queried(metering: Metering, features: Iterable[str], customer: str) -> dict[Key, Decimal]:
    """The same windows, as usage of ranges."""
    end = timestamp_to_proto(START + timedelta(days=30))
    found: dict[Key, Decimal] = {}
    for feature, resource in itertools.product(features, ("", "R")):
        for interval, by, start in (("", WHOLE, EPOCH), ("DAY", DAY, DAILY.anchor)):
            request = usage_service_pb2.QueryUsageRequest(
                customer_id=customer,
                feature_id=feature,
                resource_id=resource,
                start_time=timestamp_to_proto(start),
                end_time=end,
                granularity=by,
                time_zone=DAILY.zone,
                # One group of all: then nothing is shown where there is nothing.
                group_by=["nothing"],
            )
            for point in (await call(UsageServiceStub(metering.channel).QueryUsage, request)).points:
                at = timestamp_from_proto(point.period.start_time, "start").isoformat()
                found[resource, feature, interval, at] = Decimal(point.value).normalize()
    return found


def _trackers(features: Iterable[str], customer: str) -> list[tracker_pb2.Tracker]:
    return [
        tracker(feature, recurrence, customer=customer, resource=resource)
        for feature in features
        for recurrence in (ENDLESS, DAILY_PROTO)
        for resource in ("", "R")
    ]


def batches(customer: str, events: Sequence[Raw], random: Random) -> Iterator[list[event_pb2.Event]]:
    """Shuffled, cut anywhere, and each event once or twice."""
    messages = [message(customer, f"{number}", raw) for number, raw in enumerate(events)]
    messages += [message for message in messages if random.random() < 0.3]
    random.shuffle(messages)
    while messages:
        size = random.randint(1, len(messages))
        yield messages[:size]
        messages = messages[size:]


def message(customer: str, key: str, raw: Raw) -> event_pb2.Event:
    """The event as it is sent."""
    return event_pb2.Event(
        event_name=raw.name,
        customer_id=customer,
        idempotency_key=key,
        resource_id=raw.resource,
        timestamp=timestamp_to_proto(START + timedelta(hours=raw.hour)),
        dimensions={field: _value(value) for field, value in raw.dimensions.items()},
    )


def _value(value: DimensionValue) -> event_pb2.Value:
    if isinstance(value, bool):
        return event_pb2.Value(bool_value=value)
    if isinstance(value, str):
        return event_pb2.Value(string_value=value)
    if Decimal(repr(float(value))) == value:
        return event_pb2.Value(number_value=float(value))
    return event_pb2.Value(decimal_value=text_of(value))


def straight_count(feature: str, meter: Meter, events: Sequence[Raw]) -> dict[Key, Decimal]:
    """What each window must hold, written as plainly as can be."""
    readings: dict[Key, list[Read]] = {}
    for number, raw in enumerate(events):
        value: DimensionValue | None = 1 if meter.aggregation is Aggregation.COUNT else raw.dimensions.get(meter.field)
        if raw.name not in meter.event_names or not matches(meter, raw.dimensions) or value is None:
            continue
        if meter.aggregation is not Aggregation.UNIQUE and isinstance(value, bool | str):
            continue
        at = START + timedelta(hours=raw.hour)
        day = DAILY.period_at(at)
        for resource in {"", raw.resource} & {"", "R"}:
            read = (at, f"{number}", value)
            readings.setdefault((resource, feature, "", "1970-01-01T00:00:00+00:00"), []).append(read)
            if day is not None:
                readings.setdefault((resource, feature, "DAY", day.start.isoformat()), []).append(read)
    return {key: straight_fold(meter.aggregation, read).normalize() for key, read in readings.items()}


def straight_fold(aggregation: Aggregation, read: Sequence[Read]) -> Decimal:
    """The usage of at least one event that is not skipped."""
    if aggregation is Aggregation.UNIQUE:
        return Decimal(len({_typed(value) for _, _, value in read}))
    in_order = [Decimal(value) for _, _, value in sorted(read, key=lambda one: one[:2])]
    with localcontext(prec=200, rounding=ROUND_HALF_UP):
        total = sum(in_order, Decimal(0))
        folds = {
            Aggregation.COUNT: Decimal(len(in_order)),
            Aggregation.SUM: total,
            Aggregation.MAX: max(in_order),
            Aggregation.MIN: min(in_order),
            Aggregation.AVG: (total / len(in_order)).quantize(Decimal("1E-12")),
            Aggregation.LATEST: in_order[-1],
        }
        return folds[aggregation]


def matches(meter: Meter, dimensions: Dimensions) -> bool:
    """Whether an event counts."""
    return not meter.filters or any(all(passes(one, dimensions) for one in conditions) for conditions in meter.filters)


def passes(condition: Condition, dimensions: Dimensions) -> bool:  # noqa: PLR0911 - one for each kind.
    """Whether an event passes the condition."""
    value = dimensions.get(condition.field)
    if value is None:
        return condition == IsSet(condition.field, expected=False)
    match condition:
        case IsSet(_, expected):
            return expected
        case Equals(_, other):
            return _typed(value) == _typed(other)
        case NotEquals(_, other):
            return _typed(value) != _typed(other)
        case In(_, others):
            return _typed(value) in [_typed(other) for other in others]
        case HasText(_, part, text):
            places = {Part.START: 0, Part.END: len(str(value)) - len(text)}
            wanted = [places[part]] if part in places else range(len(str(value)))
            return isinstance(value, str) and any(value[at : at + len(text)] == text for at in wanted if at >= 0)
        case Compares(_, comparison, number):
            sign = Decimal(value).compare(number) if _typed(value)[0] == "number" else None
            return sign in _SIGNS[comparison]


_SIGNS: Mapping[Comparison, Sequence[int]] = {
    Comparison.GREATER: (1,),
    Comparison.GREATER_OR_EQUAL: (0, 1),
    Comparison.LESS: (-1,),
    Comparison.LESS_OR_EQUAL: (-1, 0),
}


def _typed(value: DimensionValue) -> tuple[str, DimensionValue]:
    return (type(value).__name__ if isinstance(value, bool | str) else "number", value)
