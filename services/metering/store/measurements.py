"""Calculated usage in the store: what was written under which key, and with which outcome."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from kernel.period import Period
from kernel.quantity import ZERO
from metering.domain.account import FirstOutcome, Key
from metering.domain.report import Behavior, Content, Measurement
from metering.domain.series import Series
from metering.domain.tracker import Span, microseconds, span_start
from metering.store import reservations
from metering.store.events import escaped
from metering.store.line import Raw
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
COPY measurement (customer_id, idempotency_key, resource_id, feature_id, timestamp_us, value, behavior, delta,
    tracker_id, period_start, period_end, previous_value, window_value, window_reserved, revision) FROM STDIN
"""


async def of_keys(connection: Raw, keys: Collection[Key]) -> Mapping[Key, FirstOutcome]:
    """What these keys were used for; those that are free are left out."""
    arrays = ([customer_id for customer_id, _ in keys], [key for _, key in keys])
    cursor = await connection.execute(_OF_KEYS, arrays, prepare=True)
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
    lines = "".join([_line(measurement) for measurement in sorted(measurements, key=_key)])
    async with connection.cursor() as cursor, cursor.copy(_ADD) as copy:
        await copy.write(lines.encode())


def _key(measurement: Measurement) -> Key:
    return measurement.content.series.customer_id, measurement.idempotency_key


def _line(measurement: Measurement) -> str:
    content, window = measurement.content, measurement.window
    fields = (
        content.series.customer_id,
        escaped(measurement.idempotency_key),
        content.series.resource_id,
        content.series.feature_id,
        microseconds(measurement.time),
        format(content.value, "f"),
        content.behavior.value,
        format(measurement.delta, "f"),
        window.tracker.id,
        span_start(window.span).isoformat(),
        "\\N" if window.span is None else window.span.end.isoformat(),
        format(measurement.previous, "f"),
        format(window.value, "f"),
        format(window.reserved, "f") if window.reserved else "\\N",
        window.revision,
    )
    return "\t".join(map(str, fields)) + "\n"


def _span(start: datetime, end: datetime | None) -> Span:
    return None if end is None else Period(start, end)
