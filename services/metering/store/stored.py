"""Where the usage of a series is stored, whatever it is counted by: raw events, or what was reported."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Table, and_, bindparam, cast, func, or_
from sqlalchemy.dialects.postgresql import ARRAY

from metering.domain.feature import Feature
from metering.domain.report import Behavior
from metering.domain.series import Series
from metering.domain.tracker import Span, microseconds, span_start
from metering.store import meter_sql, tables

_EVENT = tables.event
_MEASUREMENT = tables.measurement


def usage_of(feature: Feature, series: Series) -> tuple[Table, ColumnElement[bool]]:
    """The table, and which of its rows the series has: also those that its meter skips."""
    if feature.meter is not None:
        rows = and_(_EVENT.c.customer_id == series.customer_id, meter_sql.matches(feature.meter))
        return _EVENT, _with_resource(rows, _EVENT, series)
    rows = and_(_MEASUREMENT.c.customer_id == series.customer_id, _MEASUREMENT.c.feature_id == series.feature_id)
    # What is reserved and not committed is no usage.
    rows = and_(rows, or_(_MEASUREMENT.c.behavior != Behavior.RESERVE, _MEASUREMENT.c.delta != 0))
    return _MEASUREMENT, _with_resource(rows, _MEASUREMENT, series)


def counted_in(feature: Feature, series: Series, run: Sequence[Span]) -> tuple[Table, ColumnElement[bool]]:
    """The table, and which of its rows count in these adjacent periods."""
    table, rows = usage_of(feature, series)
    if feature.meter is not None:
        rows = and_(rows, ~meter_sql.is_skipped(feature.meter))
    first, last = run[0], run[-1]
    if first is None or last is None:
        return table, rows
    time = table.c.timestamp_us
    return table, and_(rows, time >= microseconds(first.start), time < microseconds(last.end))


def place_in(table: Table, run: Sequence[Span]) -> ColumnElement[int]:
    """Which period of the run a row lies in, from 1 on; the endless one is a run of its own."""
    starts = [microseconds(span_start(span)) for span in run]
    return func.width_bucket(table.c.timestamp_us, cast(bindparam("starts", starts), ARRAY(BigInteger))).label("place")


def _with_resource(rows: ColumnElement[bool], table: Table, series: Series) -> ColumnElement[bool]:
    return and_(rows, table.c.resource_id == series.resource_id) if series.resource_id else rows
