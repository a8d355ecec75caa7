"""Calculated usage in the store: what was written under which key, and with which outcome."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from kernel.period import Period
from kernel.quantity import ZERO
from metering.domain.account import FirstOutcome, Key
from metering.domain.report import Behavior, Content, Measurement
from metering.domain.series import Series
from metering.domain.tracker import Span, microseconds, span_start
from metering.store import arrays, reservations
from metering.store.line import Raw, Rows
from metering.store.reservations import COLUMNS

_OF_KEYS = f"""
SELECT m.customer_id, m.idempotency_key, m.resource_id, m.feature_id, m.value, m.behavior,
    m.tracker_id, m.period_start, m.period_end, m.previous_value, m.window_value, m.window_reserved, m.revision,
    m.delta, {COLUMNS}
FROM measurement m JOIN unnest(%s::text[], %s::text[]) AS wanted (customer_id, idempotency_key)
    ON m.customer_id = wanted.customer_id AND m.idempotency_key = wanted.idempotency_key
LEFT JOIN reservation r ON r.customer_id = m.customer_id AND r.idempotency_key = m.idempotency_key
"""

_ADD = """
INSERT INTO measurement (customer_id, idempotency_key, resource_id, feature_id, timestamp_us, value, behavior, delta,
    tracker_id, period_start, period_end, previous_value, window_value, window_reserved, revision)
SELECT * FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::numeric[], %s::text[], %s::numeric[],
    %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::numeric[], %s::bigint[]
)
"""


async def look_up(connection: Raw, keys: Collection[Key]) -> Rows:
    """Looks up what these keys were used for. `of_keys` reads it."""
    wanted = (arrays.of_texts(customer_id for customer_id, _ in keys), arrays.of_texts(key for _, key in keys))
    return await connection.execute(_OF_KEYS, wanted, prepare=True)


async def of_keys(cursor: Rows) -> Mapping[Key, FirstOutcome]:
    """What keys were used for; those that are free are left out."""
    found: dict[Key, FirstOutcome] = {}
    async for row in cursor:
        (
            customer_id,
            key,
            resource_id,
            feature_id,
            value,
            behavior,
            tracker_id,
            start,
            end,
            previous,
            result,
            held,
            revision,
            delta,
            *reserved,
        ) = row
        content = Content(Series(customer_id, resource_id, feature_id), value, Behavior(behavior))
        reservation = None if reserved[0] is None else reservations.from_row(reserved)
        found[customer_id, key] = FirstOutcome(
            content, tracker_id, _span(start, end), previous, result, held or ZERO, revision, delta, reservation
        )
    return found


async def add(connection: Raw, measurements: Sequence[Measurement]) -> None:
    """Stores reports in the order of their keys, so that no two transactions wait for each other in a circle.

    Raises:
        psycopg.errors.UniqueViolation: Another transaction used one of the keys for another series just now.
    """
    if not measurements:
        return
    several = sorted(measurements, key=_key)
    contents = [one.content for one in several]
    windows = [one.window for one in several]
    fields = (
        arrays.of_texts(content.series.customer_id for content in contents),
        arrays.of_texts(one.idempotency_key for one in several),
        arrays.of_texts(content.series.resource_id for content in contents),
        arrays.of_texts(content.series.feature_id for content in contents),
        arrays.of_numbers(microseconds(one.time) for one in several),
        arrays.of_numbers(content.value for content in contents),
        arrays.of_texts(content.behavior.value for content in contents),
        arrays.of_numbers(one.delta for one in several),
        arrays.of_numbers(window.tracker.id for window in windows),
        arrays.of_times(span_start(window.span) for window in windows),
        arrays.of_times(None if window.span is None else window.span.end for window in windows),
        arrays.of_numbers(one.previous for one in several),
        arrays.of_numbers(window.value for window in windows),
        arrays.of_numbers(window.reserved or None for window in windows),
        arrays.of_numbers(window.revision for window in windows),
    )
    await connection.execute(_ADD, fields, prepare=True)


def _key(measurement: Measurement) -> Key:
    return measurement.content.series.customer_id, measurement.idempotency_key


def _span(start: datetime, end: datetime | None) -> Span:
    return None if end is None else Period(start, end)
