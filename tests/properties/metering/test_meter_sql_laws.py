"""The law of the two implementations of a meter: what Python counts of events as they come, SQL counts of them as they are stored."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, cast, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from metering.domain.gathered import Dated, Gathered, Reading, amount, gather, is_gathered
from metering.domain.meter import (
    Aggregation,
    Compares,
    Comparison,
    Condition,
    Dimensions,
    Equals,
    HasText,
    Meter,
    NotEquals,
    Part,
    predicate_of,
    readings_of,
)
from metering.domain.value import DimensionValue, Number, distinct_key
from metering.messages.event_batch import event_batch_from_proto
from metering.messages.feature import meter_from_bytes, meter_to_bytes
from metering.store import meter_sql, tables
from tests.properties.metering.strategies import dimensions, measured, meters
from tests.properties.metering.test_counting_laws import Raw, message, passes
from tollkeeper.metering.v1 import event_service_pb2

EVENT = tables.event

TEXTS = (
    *("", " ", "1", "1.0", "-0", "0", "true", "null", "%", "_", "\\", "\\\\", "\\%", "a%b", "a_b", "aXb", "100%"),
    *(
        "é",
        "e\u0301",
        "É",
        "ß",
        "ss",
        "SS",
        "\U0001f6eb",
        "\U0001f6eb\ufe0f",
        "'",
        '"',
        "\n",
        "\t",
        "a\nb",
        "\x01",
        "\u2028",
    ),
)
NUMBERS: tuple[Number, ...] = (
    *(0, 1, -1, 10**18 - 1, -(10**18) + 1, 2**53, 2**53 + 1),
    *map(Decimal, ("0.5", "-0.5", "1E-12", "-1E-12", "999999999999999999.999999999999")),
)
NASTY: tuple[DimensionValue, ...] = (*TEXTS, *NUMBERS, True, False)


@asynccontextmanager
async def stored(
    database: Database, events: Sequence[Dimensions]
) -> AsyncIterator[tuple[AsyncConnection, list[Dimensions]]]:
    """Events as ingest takes them from their messages: their rows, which go again, and what meters read."""
    raws = [Raw("one", "", number % 24, each) for number, each in enumerate(events)]
    sent = [message("law", f"{number:03}", raw) for number, raw in enumerate(raws)]
    batch = event_batch_from_proto(event_service_pb2.ReportEventsRequest(events=sent))
    rows = [
        {"customer_id": "law", "timestamp_us": time, "event_name": "one", "idempotency_key": key, "resource_id": ""}
        for time, key in zip(batch.times, batch.idempotency_keys, strict=True)
    ]
    async with database.engine.connect() as connection:
        for row, json in zip(rows, batch.dimension_texts, strict=True):
            content = cast(literal(json, Text), JSONB)
            await connection.execute(insert(EVENT).values({**row, "dimensions": content}))
        yield connection, list(batch.dimensions)
        await connection.rollback()


async def test_each_test_of_each_value(open_database: Callable[[str], Database]) -> None:
    conditions: list[Condition] = [
        *(test("a", value) for test in (Equals, NotEquals) for value in NASTY),
        *(HasText("a", part, value) for part in Part for value in TEXTS if value),
        *(Compares("a", comparison, number) for comparison in Comparison for number in NUMBERS),
    ]
    events: list[Dimensions] = [{}, {"b": "%"}, *({"a": value} for value in NASTY), {"a": Decimal("1E-30")}]
    async with stored(open_database("metering"), events) as (connection, read):
        assert read == events
        for condition in conditions:
            meter = meter_from_bytes(meter_to_bytes(Meter(("one",), ((condition,),), Aggregation.COUNT, "")))
            expected = [f"{row:03}" for row, event in enumerate(events) if passes(condition, event)]
            test = predicate_of(meter)
            assert test is not None
            assert [f"{row:03}" for row, event in enumerate(read) if test(event)] == expected, condition
            assert await matching(connection, meter) == expected, condition


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(meter=meters, events=st.lists(measured | dimensions, min_size=1, max_size=15))
async def test_any_meter_of_any_events(
    open_database: Callable[[str], Database], meter: Meter, events: list[Dimensions]
) -> None:
    assert meter_from_bytes(meter_to_bytes(meter)) == meter
    test = predicate_of(meter)
    async with stored(database_of(open_database), events) as (connection, read):
        rows = [row for row, event in enumerate(read) if test is None or test(event)]
        assert await matching(connection, meter) == [f"{row:03}" for row in rows]
        readings = readings_of(meter, [read[row] for row in rows])
        skipped = select(EVENT.c.idempotency_key).where(meter_sql.matches(meter), meter_sql.is_skipped(meter))
        assert sorted((await connection.execute(skipped)).scalars()) == [
            f"{row:03}" for row, reading in zip(rows, readings, strict=True) if reading is None
        ]
        counted = {f"{row:03}": reading for row, reading in zip(rows, readings, strict=True) if reading is not None}
        assert await gathered(connection, meter) == await counted_in_python(connection, meter, counted)


_databases: dict[Callable[[str], Database], Database] = {}


def database_of(open_database: Callable[[str], Database]) -> Database:
    """One for all examples of a law."""
    if open_database not in _databases:
        _databases[open_database] = open_database("metering")
    return _databases[open_database]


async def matching(connection: AsyncConnection, meter: Meter) -> list[str]:
    """The keys of the events that match in SQL."""
    found = await connection.execute(select(EVENT.c.idempotency_key).where(meter_sql.matches(meter)))
    return sorted(found.scalars())


async def gathered(connection: AsyncConnection, meter: Meter) -> list[Gathered]:
    """What SQL makes of the events that count: one, or none of nothing."""
    query = meter_sql.gathered(meter, [EVENT.c.customer_id]).where(
        meter_sql.matches(meter), ~meter_sql.is_skipped(meter)
    )
    return [Gathered(Decimal(number), *rest) for _, number, *rest in await connection.execute(query)]


async def counted_in_python(
    connection: AsyncConnection, meter: Meter, counted: dict[str, DimensionValue]
) -> list[Gathered]:
    """The same by the rules that ingest counts by."""
    if not counted:
        return []
    if meter.aggregation is Aggregation.UNIQUE:
        return [Gathered(Decimal(len({distinct_key(value) for value in counted.values()})))]
    if not is_gathered(meter.aggregation):
        return [Gathered(amount(counted.values()))]
    readings: list[Reading] = list(counted.values())
    if meter.aggregation is Aggregation.LATEST:
        times = dict((await connection.execute(select(EVENT.c.idempotency_key, EVENT.c.timestamp_us))).all())
        readings = [Dated(times[key], key, Decimal(value)) for key, value in counted.items()]
    return [gather(meter.aggregation, readings)]
